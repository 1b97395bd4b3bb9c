"""Batches in order, made by several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from auxcpvloss.system.backends import hidden
from auxcpvloss.system.errors import InputError, StageError
from auxcpvloss.system.faults import out_of_memory
from auxcpvloss.system.workers import GO_ON, Work, results

if TYPE_CHECKING:
    from auxcpvloss.config.tables import Config
    from auxcpvloss.network.batch import Batch

KEYS = ("training.num_workers", "training.cache_size", "model.train_input_shape")
"""Settings on which the memory of the processes depends."""


@contextmanager
def batches(paths: Sequence[Path], config: Config, first: int, last: int, about: str = "") -> Iterator[Iterator[Batch]]:
    """Make batches `first` to `last` - 1 of a run, in order: the same for any number of processes and any `first`.

    Parameters
    ----------
    paths : sequence of Path
        The training samples, ``<sample>.zarr``.
    config : Config
        ``training.num_workers`` processes make batches, about ``training.cache_size`` ahead; 0: this process does.
    about : str
        What else decides how much memory they take, for messages.

    Raises
    ------
    InputError, StageError
        While iterating: a sample is not whole; a process died, or ran out of memory.
    """
    number, work = config.training.num_workers, Work(_begin, (paths, config), _doing, KEYS, about)
    if number == 0:
        yield _made_here(work, range(first, last))
        return
    ahead = max(1, config.training.cache_size // number)
    with results(work, range(first, last), number, ahead, ordered=True) as made:
        yield (batch for _, batch in made)


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
    with hidden():
        from auxcpvloss.pipeline.batch_maker import BatchMaker

    # Those that the training holds, though they may have been prepared anew since.
    samples = [sample for path in paths if (sample := open_version(path)) is not None]
    if len(samples) < len(paths):
        raise InputError(f"some of these are no longer whole: {', '.join(map(str, paths))}; run the stage prepare.")
    return BatchMaker(samples, method_of(config), config).make
