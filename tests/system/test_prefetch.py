import time
from contextlib import suppress
from multiprocessing import active_children
from threading import active_count

import pytest

from auxcpvloss.system.prefetch import prefetching
from auxcpvloss.system.workers import Work, results


def until(condition):
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_the_next_item_is_made_while_the_caller_works_and_no_more():
    made = []
    with prefetching() as ahead:
        for item in ahead(made.append(number) or number for number in range(5)):
            wanted = list(range(min(item + 2, 5)))
            assert until(lambda: made == wanted)  # noqa: B023
            time.sleep(0.02)
            assert made == wanted
    assert item == 4


def test_an_error_comes_in_its_turn():
    with prefetching() as ahead:
        stream = ahead(1 // (2 - number) for number in range(5))
        assert [next(stream), next(stream)] == [0, 1]
        with pytest.raises(ZeroDivisionError):
            next(stream)


def begin():
    return time.sleep


def test_a_caller_that_stops_early_waits_for_nobody():
    before = active_count()
    with suppress(KeyError), prefetching() as ahead, results(Work(begin, (), str, ("x.number",)), [0, 1000], 1) as made:
        next(ahead(made))
        raise KeyError
    assert (active_children(), active_count()) == ([], before)
