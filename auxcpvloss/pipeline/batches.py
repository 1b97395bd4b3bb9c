"""Batches in order, made by several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from auxcpvloss.data.untrusted.limits import available_memory
from auxcpvloss.pipeline.memory import CACHE, WORKER
from auxcpvloss.system.backends import gpus, hidden
from auxcpvloss.system.errors import InputError, StageError
from auxcpvloss.system.faults import out_of_memory
from auxcpvloss.system.processors import usable_cores
from auxcpvloss.system.workers import GO_ON, Work, results

if TYPE_CHECKING:
    from auxcpvloss.config.tables import Config
    from auxcpvloss.network.batch import Batch

KEYS = ("training.num_workers", "training.cache_size", "model.train_input_shape")
"""Settings on which the memory of the processes depends."""


MOST = 16
"""Processes, unless more are asked for."""


@contextmanager
def batches(paths: Sequence[Path], config: Config, first: int, last: int, about: str = "") -> Iterator[Iterator[Batch]]:
    """Make batches `first` to `last` - 1 of a run, in order: the same for any number of processes and any `first`.

    Parameters
    ----------
    paths : sequence of Path
        The training samples, ``<sample>.zarr``.
    config : Config
        `number_of_workers` processes make batches, about ``training.cache_size`` ahead; 0: this process does.
    about : str
        What else decides how much memory they take, for messages.

    Raises
    ------
    InputError, StageError
        While iterating: a sample is not whole; a process died, or ran out of memory.
    """
    number, work = number_of_workers(config), Work(_begin, (paths, config), _doing, KEYS, about)
    if number == 0:
        yield _made_here(work, range(first, last))
        return
    # A process that waits until its one batch is taken makes none meanwhile.
    ahead = max(2, config.training.cache_size // number)
    with results(work, range(first, last), number, ahead, ordered=True) as made:
        yield (batch for _, batch in made)


def number_of_workers(config: Config) -> int:
    """Give the number of processes that make batches: ``training.num_workers``, or what is sensible here if that is -1.

    One for each core that this process may use, but for one that the training needs where it has no GPU; no more than
    `MOST`, nor than what a quarter of the memory holds, and at least one.
    """
    number = config.training.num_workers
    if number >= 0:
        return number
    cores = usable_cores() if gpus() else usable_cores() - 1
    return max(1, min(cores, MOST, available_memory() // 4 // (WORKER + CACHE)))


def _made_here(work: Work, indices: range) -> Iterator[Batch]:
    try:
        yield from map(work.begin(*work.arguments), indices)
    except Exception as error:
        if out_of_memory(error):
            advice = work.advice(work.keys[1:])
            raise StageError(f"Memory ran out in the process that {_doing(0)}; {advice}; {GO_ON}") from error
        raise


def _doing(index: int) -> str:
    return "makes batches"


def _begin(paths: Sequence[Path], config: Config) -> Callable[[int], Batch]:
    from auxcpvloss.data.open_samples import open_version
    from auxcpvloss.methods import method_of

    # gunpowder imports libraries that are not used here: seconds, and memory of a GPU.
    with hidden(), _semaphores():
        from auxcpvloss.pipeline.batch_maker import BatchMaker
        from auxcpvloss.pipeline.costs import OTHER

    # Those that the training holds, though they may have been prepared anew since.
    samples = [sample for path in paths if (sample := open_version(path)) is not None]
    if len(samples) < len(paths):
        raise InputError(f"some of these are no longer whole: {', '.join(map(str, paths))}; run the stage prepare.")
    maker = BatchMaker(samples, method_of(config), config)

    def make(index: int) -> Batch:
        began = perf_counter()
        batch = maker.make(index)
        other = perf_counter() - began - sum(batch.costs.values())
        return replace(batch, costs={**batch.costs, OTHER: other})

    return make


@contextmanager
def _semaphores() -> Iterator[None]:
    """Name the folder that is full: gunpowder makes semaphores when it is imported, whose errors name no file."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, "/dev/shm") from error
