"""How batches come from worker processes to the training: shared memory against pipes.

Processes that have a batch ready hand it over as fast as they can; processes that sleep for the time that a batch
takes: how many times as many batches 14 of them deliver as one does; and two such processes with a training whose step
is a sleep of 35 ms: the part of its time that it waits, also with processes that make batches of 92^3 voxels.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

from auxcpvloss.network.batch import Batch
from auxcpvloss.stages.train.clock import Clock
from auxcpvloss.system.prefetch import prefetching
from auxcpvloss.system.shared_memory import Inbox
from auxcpvloss.system.workers import Work, results
from bench.measure import Call, Figures, Options, Row, figure, in_turn, ratio, stopwatch

DURATION = "10 minutes"
SHAPES = {140: 100, 92: 52}
"""Input and output along each axis."""
SECONDS = {140: 0.12, 92: 0.05}
"""What a batch takes one core."""
STEP = 0.035
"""Seconds of a training step on a fast device."""


class OverPipes(Inbox):
    """As if the system had no memory to share: results are pickled, as they were before."""

    def __init__(self, results: int) -> None:
        super().__init__(results)
        self.close()
        self.slots = 0


@contextmanager
def through(way: str) -> Iterator[None]:
    """Hand results over in shared memory, or through pipes."""
    with ExitStack() as stack:
        if way == "pipes":
            stack.enter_context(patch("auxcpvloss.system.workers.Inbox", OverPipes))
        yield


def begin(size: int, seconds: float) -> Any:
    """Sleep instead of making a batch, and hand a ready one over, with the processor time of this process so far."""
    rng, inner = np.random.default_rng(0), (1, 1, *[SHAPES[size]] * 3)
    classes = rng.integers(0, 3, inner, dtype=np.uint8)
    targets = {"threeclass": classes, "cpv": rng.random((1, 3, *inner[2:]), dtype=np.float32)}
    batch = Batch(rng.random((1, 1, *[size] * 3), dtype=np.float32), targets, classes)

    def make(_: int) -> tuple[Batch, int, float]:
        time.sleep(seconds)
        return batch, os.getpid(), time.process_time()

    return make


def touch(batch: Batch) -> None:
    """Read something of each page, as a training does."""
    for array in (batch.raw, batch.region, *batch.targets.values()):
        array.reshape(-1)[::1024].sum()


@contextmanager
def stream(way: str, size: int, seconds: float, workers: int, count: int) -> Iterator[Iterator[Any]]:
    """Have workers deliver so many batches, after all of them have begun and used their memory once."""
    ahead = max(2, 16 // workers)
    extra = workers * (ahead + 4)
    work = Work(begin, (size, seconds), str, ("workers",))
    with through(way), results(work, range(count + extra), workers, ahead, ordered=True) as made:
        for _ in range(extra):
            touch(next(made)[1][0])
        yield (result for _, result in made)


def handover(way: str, count: int = 60, workers: int = 2) -> dict[str, float]:
    """Measure 1."""
    spent: dict[int, list[float]] = defaultdict(list)
    with stream(way, 140, 0, workers, count) as made:
        began, cpu = time.perf_counter(), time.process_time()
        for batch, worker, so_far in made:
            touch(batch)
            spent[worker].append(so_far)
        rate = count / (time.perf_counter() - began)
        own = 1000 * (time.process_time() - cpu) / count
    theirs = median((each[-1] - each[0]) / (len(each) - 1) for each in spent.values())
    return {"training_ms": own, "worker_ms": 1000 * theirs, "batches_per_second": rate}


def rate(way: str, size: int, workers: int, batches: int) -> float:
    """Measure batches a second of processes that sleep."""
    with stream(way, size, SECONDS[size], workers, batches) as made:
        began = time.perf_counter()
        for batch, *_ in made:
            touch(batch)
        return batches / (time.perf_counter() - began)


def scaling(way: str, size: int) -> float:
    """Measure 2."""
    return rate(way, size, 14, 14 * 15) / rate(way, size, 1, 15)


def waiting(way: str, size: int = 92, count: int = 120) -> float:
    """Measure 3: the percentage."""
    with prefetching() as ahead, stream(way, size, SECONDS[size], 2, count) as made:
        return waited(ahead(arguments_of(batch) for batch, *_ in made))


def waited(ready: Iterator[Any]) -> float:
    """Sleep for a step with each batch; give the percentage of time without a batch."""
    clock = Clock(0)
    for _ in clock.timed(ready):
        time.sleep(STEP)
    return 100 * clock.waited


def arguments_of(batch: Batch) -> Any:
    """Convert a batch as the training does."""
    from auxcpvloss.network.compiled import arguments

    return arguments(SimpleNamespace(output=batch.targets), batch)


def real_waiting(folder: Path, way: str, count: int = 120) -> dict[str, float]:
    """Measure 3 with batches of the pipeline; also the milliseconds that one takes."""
    from auxcpvloss.config import ConfigFile
    from auxcpvloss.experiment.configuration import load
    from auxcpvloss.experiment.folder import Experiment
    from auxcpvloss.pipeline.batches import batches
    from auxcpvloss.stages.order import run_stages
    from auxcpvloss.stages.run import Run

    tables = {"data": {"input_format": "synthetic", "voxel_size": [1, 1, 1]}, "training": {"num_workers": 2}}
    tables["model"] = {"method": "threeclass_cpv", "train_input_shape": [92] * 3}
    experiment = Experiment(folder / "benchmark", load([ConfigFile("benchmark", tables)]))
    run_stages(Run(experiment, stages=("prepare",)))
    paths = [sample.path for sample in experiment.samples("train")]
    seconds = []

    def converted(made: Iterator[Batch]) -> Iterator[Any]:
        for batch in made:
            seconds.append(sum(batch.costs.values()))
            yield arguments_of(batch)

    with through(way), prefetching() as ahead, batches(paths, experiment.config, 0, count) as made:
        share = waited(ahead(converted(made)))
    return {"waited_percent": share, "batch_ms": 1000 * median(seconds)}


def figures(way: str, real: bool) -> Figures:
    """Take all measurements one way."""
    with stopwatch() as figures:
        measured = dict(handover(way))
        measured |= {f"scaling {size}": scaling(way, size) for size in SHAPES}
        measured["waiting"] = waiting(way)
        if real:
            with tempfile.TemporaryDirectory() as folder:
                measured |= {f"real {name}": value for name, value in real_waiting(Path(folder), way).items()}
    return {**figures, **measured}


def measure(options: Options) -> Iterator[Row]:
    """Compare both ways."""
    calls = [Call(figures, {"way": way, "real": not options.quick}) for way in ("shared", "pipes")]
    sides = in_turn(*calls, options, warm_up_reference=False)
    for key, words in (("training_ms", "the training process"), ("worker_ms", "a worker")):
        what = f"processor time of {words} a batch, pipes / shared memory"
        yield ratio(f"handover.{key}", what, sides, key, unit="times as much")
    for size in SHAPES:
        what = f"batches of 14 processes / of one, {size}^3"
        yield figure(f"handover.scaling_{size}", what, sides[0].values(f"scaling {size}"), "times", at_least=10)
    waited_for = "waiting of a training of 35 ms a step, two processes"
    yield figure("handover.waiting", waited_for, sides[0].values("waiting"), "%", at_most=5)
    if not options.quick:
        what = f"{waited_for} that make batches"
        yield figure("handover.real", what, sides[0].values("real waited_percent"), "%")
