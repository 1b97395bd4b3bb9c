from itertools import count

import pytest

from auxcpvloss.stages.train import clock as module
from auxcpvloss.stages.train.clock import Clock, advice


@pytest.fixture
def time(monkeypatch):
    """A time that passes only when told."""
    now = [0.0]
    monkeypatch.setattr(module, "perf_counter", lambda: now[0])
    return now


def test_waiting_is_the_time_in_which_no_batch_was_there(time):
    def stream():
        for number in count():
            # The first batch takes long.
            time[0] += 100 if number == 0 else 3
            yield number

    clock = Clock(10)
    for done, number in enumerate(clock.timed(stream()), 11):
        time[0] += 1
        if number == 1:
            with clock.paused():
                time[0] += 1000
        if number == 2:
            assert clock.waited == 6 / 9
            assert clock.waited_for_line() == 6 / 9
            assert clock.speed(done) == 3 / 109
        if number == 4:
            time[0] += 2
            assert clock.waited_for_line() == 6 / 10
            break
    assert clock.waited == 12 / 19


def test_people_are_told_what_to_do_about_much_waiting():
    assert advice(0.2, 1, 8) == ""
    assert "waited for data 21% of the time; raise training.num_workers, now 1: 8 cores" in advice(0.21, 1, 8)
    assert "training.profiling" in advice(0.5, 8, 8)
