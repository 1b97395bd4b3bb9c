import resource
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

from auxcpvloss.system.shared_memory import SMALL, SPARE
from auxcpvloss.system.workers import Work, results

SIZE, LARGER = SMALL // 4, 3


def size_of_part(task):
    return SIZE // 2 - task + SIZE * (task == LARGER)


def begin(most_bytes):
    if most_bytes is not None:
        # As ulimit -f: the system provides no memory to share.
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    def work(task):
        large = np.full((2, SIZE), task, np.float32)
        # Not in the order of C, of another size, and small.
        return {"large": large, "turned": large.T, "parts": [np.full(size_of_part(task), task, np.uint8), np.int64(task)]}  # fmt: skip

    return work


def made(number, ahead=1, tasks=30, most_bytes=None):
    work = Work(begin, (most_bytes,), str, ("x.number",))
    with results(work, range(tasks), number, ahead, ordered=True) as stream:
        yield from stream


def check(task, result):
    assert result["large"].dtype == np.float32
    assert result["large"].shape == result["turned"].T.shape == (2, SIZE)
    assert (result["large"] == task).all()
    assert (result["turned"] == task).all()
    assert result["parts"][0].tolist() == [task] * size_of_part(task)
    assert result["parts"][1] == task


@pytest.mark.parametrize(("number", "ahead"), [(1, 1), (2, 3)])
def test_results_that_are_kept_stay_as_they_are_whatever_comes_later(number, ahead):
    kept = list(made(number, ahead))
    assert not active_children()
    for task, result in kept:
        check(task, result)


def mappings(pid):
    return Path(f"/proc/{pid}/maps").read_text()


def is_shared(array):
    own = (line.split("-", 1) for line in mappings("self").splitlines() if "memfd:auxcpvloss" in line)
    return any(int(first, 16) <= array.ctypes.data < int(last.split()[0], 16) for first, last in own)


def test_memory_that_was_let_go_of_is_used_again():
    places, maps = set(), ""
    for task, result in made(1):
        check(task, result)
        # One that needs more than the first goes through the pipe.
        assert is_shared(result["large"]) == (task != LARGER)
        places.add(result["large"].ctypes.data)
        maps = maps or mappings(active_children()[0].pid)
    assert 1 < len(places) <= 2 + SPARE
    # Nothing with a name, which a killed process would leave behind.
    assert "memfd:auxcpvloss" in maps
    assert "/dev/shm" not in maps


def test_results_go_through_the_pipe_where_there_is_no_memory_to_share(capfd):
    for task, result in made(2, tasks=4, most_bytes=4096):
        check(task, result)
        assert not is_shared(result["large"])
    assert "results go through pipes" in capfd.readouterr().err
