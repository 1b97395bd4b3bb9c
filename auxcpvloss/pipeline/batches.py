"""Batches in order, made by several processes."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING, Any

from auxcpvloss.errors import StageError

if TYPE_CHECKING:
    from auxcpvloss.config.tables import Config
    from auxcpvloss.pipeline.training import Batch, BatchMaker


class WorkerError(StageError):
    """A process that makes batches ended."""


@contextmanager
def batches(paths: Sequence[Path], method: str, config: Config, first: int, last: int) -> Iterator[Iterator[Batch]]:
    """Batches `first` to `last` - 1 of a run, in order.

    Batch i is the same for any number of workers and wherever the run starts.

    Parameters
    ----------
    paths : sequence of Path
        The training samples, ``<sample>.zarr``.
    method : str
    config : Config
        ``training.num_workers`` processes make batches, up to ``training.cache_size`` ahead; 0: this process does.

    Raises
    ------
    WorkerError
        While iterating, when a worker died; says how.
    """
    workers = config.training.num_workers
    if workers == 0:
        maker = _make_maker(paths, method, config.model_dump())
        yield (maker.make(index) for index in range(first, last))
        return
    # Not forked: a forked copy of a process that has started TensorFlow hangs.
    with ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=_start, initargs=(paths, method, config.model_dump())
    ) as pool:
        try:
            yield _in_order(pool, first, last, config.training.cache_size)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, first: int, last: int, ahead: int) -> Iterator[Batch]:
    waiting: deque[Future[Batch]] = deque()
    children: list[Any] = []
    upcoming = iter(range(first, last))
    try:
        for index in upcoming:
            waiting.append(pool.submit(_make, index))
            if len(waiting) >= ahead:
                break
        children = active_children()
        while waiting:
            batch = waiting.popleft().result()
            if (following := next(upcoming, None)) is not None:
                waiting.append(pool.submit(_make, following))
            yield batch
    except BrokenProcessPool:
        raise WorkerError(f"A process that makes batches ended: {_reason(children)}.") from None


def _reason(children: Sequence[Any]) -> str:
    """How the first of the workers died; the pool itself then terminates the others."""
    for child in children:
        child.join(timeout=5)
    codes = [child.exitcode for child in children if child.exitcode]
    codes.sort(key=lambda code: code == -Signals.SIGTERM)
    if not codes:
        return "for an unknown reason; run.log may tell"
    if codes[0] == -Signals.SIGKILL:
        return "killed by the system (SIGKILL), most likely since memory ran out; try fewer training.num_workers"
    if codes[0] < 0:
        return f"killed by {Signals(-codes[0]).name}"
    return f"exit status {codes[0]}; run.log has its last words"


_maker: BatchMaker | None = None


def _start(paths: Sequence[Path], method: str, config: dict[str, Any]) -> None:
    """Begin a worker's life."""
    global _maker
    # Nobody tells a worker that the training process was killed; without this it would wait for work forever.
    threading.Thread(target=_die_with_parent, daemon=True).start()
    # gunpowder imports tensorflow where it finds it: three seconds and 400 MB for something never used here.
    sys.modules["tensorflow"] = None  # type: ignore[assignment]
    _maker = _make_maker(paths, method, config)


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make(index: int) -> Batch:
    assert _maker is not None
    return _maker.make(index)


def _make_maker(paths: Sequence[Path], method: str, config: dict[str, Any]) -> BatchMaker:
    from auxcpvloss.config.schema import schema
    from auxcpvloss.data.samples import open_sample
    from auxcpvloss.methods import METHODS
    from auxcpvloss.pipeline.training import BatchMaker

    samples = [sample for path in paths if (sample := open_sample(path)) is not None]
    return BatchMaker(samples, METHODS[method], schema(METHODS[method]).model_validate(config))
