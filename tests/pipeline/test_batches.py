import os
import resource
import signal
import subprocess
import sys
import time
from collections import deque
from multiprocessing import active_children
from pathlib import Path

import pytest

from auxcpvloss.pipeline import batches as module
from auxcpvloss.pipeline.batches import batches, number_of_workers
from auxcpvloss.system.errors import InputError, StageError
from tests.conftest import configure


def paths(prepared):
    return [sample.path for sample in prepared.samples("train")]


def collect(prepared, workers, first, last, **training):
    config = configure(training={"num_workers": workers, **training})
    with batches(paths(prepared), config, first, last) as stream:
        return list(stream)


def equal(one, other):
    return (
        (one.raw == other.raw).all()
        and (one.region == other.region).all()
        and all((one.targets[name] == other.targets[name]).all() for name in one.targets)
    )


def test_batches_are_the_same_and_in_order_for_any_number_of_workers(prepared):
    alone = collect(prepared, 0, 0, 6)
    assert not equal(alone[0], alone[1])
    # Going on from the second batch gives the second batch.
    two = collect(prepared, 2, 1, 6, cache_size=4)
    assert len(two) == 5
    assert all(map(equal, alone[1:], two))


def test_a_killed_worker_ends_training_with_its_reason(prepared):
    config = configure(training={"num_workers": 2, "cache_size": 2})
    with batches(paths(prepared), config, 0, 10_000) as stream:
        next(stream)
        # Nobody takes batches, so by now every worker is in the middle of sending one, which must not block the other.
        time.sleep(1.5)
        os.kill(active_children()[0].pid, signal.SIGKILL)
        with pytest.raises(StageError, match=r"A process that makes batches ended: killed by the system \(SIGKILL\)"):
            deque(stream)
    assert not active_children()


@pytest.mark.chaos
def test_a_worker_without_memory_names_the_keys_to_lower_and_what_decides(prepared):
    config = configure(training={"num_workers": 1, "cache_size": 1})
    with batches(paths(prepared), config, 0, 10_000, "of giants") as stream:
        next(stream)
        # As ulimit -v, from now on.
        resource.prlimit(active_children()[0].pid, resource.RLIMIT_AS, (2**20, 2**20))
        with pytest.raises(
            StageError, match=r"Memory ran out in a process that makes batches; lower training\.num_w.*\(of giants\)"
        ):
            deque(stream)
    assert not active_children()


def test_a_worker_that_fails_tells_why(prepared, tmp_path):
    config = configure(training={"num_workers": 1})
    with (
        pytest.raises(InputError, match=r"missing\.zarr; run the stage prepare"),
        batches([tmp_path / "missing.zarr"], config, 0, 3) as stream,
    ):
        next(stream)
    assert not active_children()


CHILD = """
import sys
from pathlib import Path
from auxcpvloss.pipeline import batches as module
from auxcpvloss.pipeline.batches import batches, number_of_workers
from tests.conftest import configure

if __name__ == "__main__":
    config = configure(training={"num_workers": 2})
    with batches([Path(p) for p in sys.argv[1:]], config, 0, 10_000) as stream:
        for number, batch in enumerate(stream):
            if number == 2:
                print("ready", flush=True)
"""


def test_workers_do_not_outlive_a_killed_training(prepared, tmp_path):
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, script, *map(str, paths(prepared))],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    workers = children(parent.pid)
    assert len(workers) >= 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 20
    while any(map(alive, workers)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(alive, workers))


def children(pid):
    listing = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listing]


def alive(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_number_of_processes_follows_the_cores_unless_it_is_set(monkeypatch):
    monkeypatch.setattr(module, "gpus", list)
    for cores, memory, expected in ((1, 2**40, 1), (2, 2**40, 1), (8, 2**40, 7), (64, 2**40, 16), (64, 8 * 2**30, 4)):
        monkeypatch.setattr(module, "usable_cores", lambda cores=cores: cores)
        monkeypatch.setattr(module, "available_memory", lambda memory=memory: memory)
        assert number_of_workers(configure(training={"num_workers": -1})) == expected
    assert number_of_workers(configure(training={"num_workers": 0})) == 0
    monkeypatch.setattr(module, "usable_cores", lambda: 8)
    monkeypatch.setattr(module, "available_memory", lambda: 2**40)
    monkeypatch.setattr(module, "gpus", lambda: ["one"])
    assert number_of_workers(configure(training={"num_workers": -1})) == 8


def test_every_batch_knows_what_the_parts_of_the_pipeline_took(prepared):
    alone, one = (collect(prepared, workers, 0, 1) for workers in (0, 1))
    assert all(map(equal, alone, one))
    for batch in alone + one:
        nodes = {"Deform", "AddTargets", "AddTargets.threeclass", "RandomPatch", "PaddedSource", "other"}
        assert nodes <= set(batch.costs)
        assert min(batch.costs.values()) >= 0


FULL = """
import errno, multiprocessing, os
from auxcpvloss.pipeline.batches import _begin

def refused(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

# As the system does where /dev/shm is full.
multiprocessing.Value = refused
try:
    _begin([], None)
except OSError as error:
    print(error)
"""


def test_shared_memory_that_is_full_is_named():
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=True)
    assert done.stdout == "[Errno 28] No space left on device: '/dev/shm'\n"
