import sys
import time
from functools import partial
from multiprocessing import active_children
from operator import truediv

import pytest

from auxcpvloss.system.errors import StageError
from auxcpvloss.system.workers import Work, results


def begin(base):
    assert sys.modules["tensorflow"] is None

    def work(task):
        # The first tasks are done last.
        time.sleep(max(0.0, 0.3 - task / 10))
        return truediv(base, task - 7)

    return work


WORK = Work(begin, (1,), partial(str.format, "divides by {} - 7"), ("x.number",))


@pytest.mark.parametrize(("number", "ahead"), [(1, 1), (2, 2), (5, 3)])
def test_results_come_in_the_order_of_the_tasks(number, ahead):
    with results(WORK, range(7), number, ahead, ordered=True) as made:
        assert list(made) == [(task, 1 / (task - 7)) for task in range(7)]
    assert not active_children()


def wait_for(file):
    def work(task):
        while task == 0 and not file.exists():
            time.sleep(0.01)

    return work


def test_or_as_they_are_made(tmp_path):
    file = tmp_path / "file"
    with results(Work(wait_for, (file,), str, ("x.number",)), range(4), 2) as made:
        first, _ = next(made)
        assert first != 0
        file.touch()
        assert sorted(task for task, _ in made) == sorted({*range(4)} - {first})


def test_a_fault_is_told_with_its_task_and_traceback():
    told = pytest.raises(RuntimeError, match=r"divides by 7 - 7 failed:\n(.*\n)*ZeroDivisionError")
    with told, results(WORK, range(5, 10), 2) as made:
        list(made)
    assert not active_children()


def test_a_process_killed_while_it_waits_for_work_is_told_by_its_last_task():
    with results(WORK, [-50, 1], 2, ordered=True) as made:
        time.sleep(2)  # The second result is there by now, and wanted after the first.
        max(active_children(), key=lambda each: int(each.name.split("-")[1])).kill()
        with pytest.raises(StageError, match=r"^A process that divides by 1 - 7 ended: killed by the system"):
            list(made)
