"""Batches in order, made by several processes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from auxcpvloss.system.errors import InputError, StageError
from auxcpvloss.system.faults import out_of_memory
from auxcpvloss.system.processes import end_with_parent, how_it_ended, start_worker

if TYPE_CHECKING:
    from auxcpvloss.config.tables import Config
    from auxcpvloss.network.batch import Batch
    from auxcpvloss.pipeline.training import BatchMaker


NO_MEMORY = (
    "Memory ran out in a process that makes batches. Lower training.num_workers, training.cache_size or "
    "model.train_input_shape; what was finished is kept."
)


class WorkerError(StageError):
    """A process that makes batches ended."""


@contextmanager
def batches(paths: Sequence[Path], config: Config, first: int, last: int) -> Iterator[Iterator[Batch]]:
    """Batches `first` to `last` - 1 of a run, in order.

    Batch i is the same for any number of workers and wherever the run starts. Worker w of n makes every n-th batch and
    sends them through a pipe of its own: one that is killed in the middle of a batch, as by a system that is short of
    memory, shows at the end of its pipe. (In concurrent.futures the workers share one pipe, and such a death blocks it
    for good.)

    Parameters
    ----------
    paths : sequence of Path
        The training samples, ``<sample>.zarr``.
    config : Config
        ``training.num_workers`` processes make batches, about ``training.cache_size`` ahead; 0: this process does.

    Raises
    ------
    WorkerError
        While iterating, when a worker died; says how.
    """
    count = config.training.num_workers
    if count == 0:
        maker = _make_maker(paths, config)
        yield (maker.make(index) for index in range(first, last))
        return
    ahead = max(1, config.training.cache_size // count)
    workers = [_Worker((paths, config), range(first + number, last, count), ahead) for number in range(count)]
    try:
        yield (worker.next_batch() for worker, _ in zip(cycle(workers), range(first, last), strict=False))
    finally:
        for worker in workers:
            worker.stop()


class _Worker:
    """A process that makes batches, and a thread that receives them."""

    def __init__(self, task: tuple[Any, ...], indices: range, ahead: int) -> None:
        # Not forked: a forked copy of a process that has started TensorFlow hangs.
        context = get_context("spawn")
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(sender, task, indices))
        start_worker(self._process)
        # Held by the worker alone, so that its death closes the pipe.
        sender.close()
        self._received: Queue[Any] = Queue(maxsize=ahead)
        self._stopped = Event()
        self._thread = Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        while not self._stopped.is_set():
            try:
                item = self._receiver.recv()
            except (EOFError, OSError):
                item = None
            while not self._stopped.is_set():
                with suppress(Full):
                    self._received.put(item, timeout=0.2)
                    break
            if item is None:
                return

    def next_batch(self) -> Batch:
        item = self._received.get()
        if item is None:
            self._process.join(timeout=10)
            reason = how_it_ended(self._process.exitcode, "training.num_workers")
            raise WorkerError(f"A process that makes batches ended: {reason}.")
        if isinstance(item, Exception):
            raise item
        if isinstance(item, str):
            raise RuntimeError(f"a batch could not be made:\n{item}")
        batch: Batch = item
        return batch

    def stop(self) -> None:
        """End the process, which has nothing to lose, and the thread."""
        self._stopped.set()
        self._process.kill()
        self._process.join()
        self._thread.join()
        self._receiver.close()


def _work(sender: Connection, task: tuple[Any, ...], indices: range) -> None:
    """Make batches until nobody wants them any more."""
    end_with_parent()
    # gunpowder imports tensorflow where it finds it: three seconds and 400 MB for something never used here.
    sys.modules["tensorflow"] = None  # type: ignore[assignment]
    try:
        maker = _make_maker(*task)
        for index in indices:
            sender.send(maker.make(index))
    except BrokenPipeError:
        # The training ended or was killed. Without a word, and without waiting for threads of libraries.
        os._exit(0)
    except (InputError, StageError, OSError) as error:
        sender.send(error)
    except Exception as error:
        sender.send(WorkerError(NO_MEMORY) if out_of_memory(error) else traceback.format_exc())


def _make_maker(paths: Sequence[Path], config: Config) -> BatchMaker:
    from auxcpvloss.data.samples import open_sample
    from auxcpvloss.methods import method_of
    from auxcpvloss.pipeline.training import BatchMaker

    samples = [sample for path in paths if (sample := open_sample(path)) is not None]
    if len(samples) < len(paths):
        raise InputError(f"not all of these are whole any more: {', '.join(map(str, paths))}; run the stage prepare.")
    return BatchMaker(samples, method_of(config), config)
