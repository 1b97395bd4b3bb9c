"""Batches in order, made by several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from auxcpvloss.system.errors import InputError
from auxcpvloss.system.workers import Work, results

if TYPE_CHECKING:
    from auxcpvloss.config.tables import Config
    from auxcpvloss.network.batch import Batch

KEYS = ("training.num_workers", "training.cache_size", "model.train_input_shape")
"""Settings on which the memory of the processes depends."""


@contextmanager
def batches(paths: Sequence[Path], config: Config, first: int, last: int) -> Iterator[Iterator[Batch]]:
    """Make batches `first` to `last` - 1 of a run, in order: the same for any number of processes and any `first`.

    Parameters
    ----------
    paths : sequence of Path
        The training samples, ``<sample>.zarr``.
    config : Config
        ``training.num_workers`` processes make batches, about ``training.cache_size`` ahead; 0: this process does.

    Raises
    ------
    InputError, StageError
        While iterating: a sample is not whole; a process died, or ran out of memory.
    """
    number = config.training.num_workers
    if number == 0:
        yield map(_begin(paths, config), range(first, last))
        return
    ahead = max(1, config.training.cache_size // number)
    with results(Work(_begin, (paths, config), _doing, KEYS), range(first, last), number, ahead, ordered=True) as made:
        yield (batch for _, batch in made)


def _doing(index: int) -> str:
    return "makes batches"


def _begin(paths: Sequence[Path], config: Config) -> Callable[[int], Batch]:
    from auxcpvloss.data.samples import open_version
    from auxcpvloss.methods import method_of
    from auxcpvloss.pipeline.batch_maker import BatchMaker

    # Those that the training holds, though they may have been prepared anew since.
    samples = [sample for path in paths if (sample := open_version(path)) is not None]
    if len(samples) < len(paths):
        raise InputError(f"some of these are no longer whole: {', '.join(map(str, paths))}; run the stage prepare.")
    return BatchMaker(samples, method_of(config), config).make
