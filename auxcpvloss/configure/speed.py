"""How fast a network trains on this machine: a few steps of it, with batches of real volumes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import getloadavg
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from auxcpvloss.config import Config
from auxcpvloss.data.sources.source import Source
from auxcpvloss.data.store import write_sample
from auxcpvloss.methods import method_of
from auxcpvloss.network.bfloat16 import choose_instruction_sets
from auxcpvloss.pipeline.batches import batches
from auxcpvloss.system.prefetch import prefetching
from auxcpvloss.system.processors import usable_cores

if TYPE_CHECKING:
    from auxcpvloss.network.trainer import Begun

SECONDS = 10.0
"""Of the steps that are timed."""
UNCOUNTED = 10
"""Steps before: they compile, and processes that make batches start."""
MOST_STEPS = 2000
BUSY = 0.3
"""Load of a core, of other programs, above which a speed says little."""


def busy() -> float:
    """Give the load that other programs put on each core that this process may use, over the last minute."""
    return getloadavg()[0] / usable_cores()


def iterations_per_second(config: Config, sources: Sequence[Source]) -> float:
    """Train for a few seconds as the stage ``train`` does, keep nothing, and give the speed.

    Parameters
    ----------
    config : Config
    sources : sequence of Source
        Training volumes, which are read, and stored in a temporary folder.
    """
    from auxcpvloss.network.trainer import Trainer

    choose_instruction_sets(config, os.environ)
    with _prepared(config, sources) as paths, prefetching() as ahead, batches(paths, config, 0, MOST_STEPS) as stream:
        trainer = Trainer(config, method_of(config))
        began = perf_counter()
        begun: list[Begun] = []
        for done, ready in enumerate(ahead(map(trainer.ready, stream)), start=1):
            # The device may be busy with one step while the next is begun.
            begun.append(trainer.step(done, ready))
            if len(begun) > 1:
                trainer.finish(begun.pop(0))
            if done == UNCOUNTED:
                began = perf_counter()
            elif done > UNCOUNTED and perf_counter() - began > SECONDS:
                break
        return (done - UNCOUNTED) / (perf_counter() - began)


@contextmanager
def _prepared(config: Config, sources: Sequence[Source]) -> Iterator[list[Path]]:
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.zarr" for number in range(len(sources))]
        for source, path in zip(sources, paths, strict=True):
            write_sample(source, path, config.data, config.preprocessing)
        yield paths
