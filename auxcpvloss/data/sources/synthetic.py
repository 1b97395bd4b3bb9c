"""Generated volumes, as if they were stored somewhere: worms, see `data.synthetic`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.format import Format
from auxcpvloss.data.sources.source import Image, Source, Vector
from auxcpvloss.data.synthetic.worms import dataset, make_worm
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError

# Raise it with every change of `make_worm` that changes its volumes: samples made before are then made again.
GENERATOR_VERSION = 1


@dataclass(frozen=True)
class Worm(Image):
    """The image of a worm or its labels, a function of its shape, its seed and its number of nuclei."""

    origin: str
    shape: tuple[int, int, int]
    seed: int
    nuclei: int
    is_labels: bool = False

    def __str__(self) -> str:
        return self.origin

    def read(self) -> NDArray[Any]:
        """Make the image, of uint8, or the labels, of uint16."""
        # It is made in double precision.
        check_declared(f"{self.origin}, data.synthetic.shape", self.shape, "f8")
        return _worm(self.shape, self.seed, self.nuclei)[self.is_labels]

    def files(self) -> dict[str, File]:
        """Give none."""
        return {}

    def voxel_size(self) -> Vector:
        """Voxels are as long as wide."""
        return (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class SyntheticSource(Source):
    """A worm: a function of the arguments of the generator."""

    image: Worm

    def checksum(self) -> str:
        """Sha256, in hex, of the arguments and the version of the generator."""
        made_from = (GENERATOR_VERSION, self.image.shape, self.image.seed, self.image.nuclei)
        return hashlib.sha256(repr(made_from).encode()).hexdigest()


def _volumes(split: str, data: Data) -> list[Source]:
    asked = data.synthetic
    found: list[Source] = []
    for name, seed in dataset(asked.train, asked.val, asked.test, asked.seed)[split].items():
        worm = Worm(f"synthetic volume {name} (seed {seed})", asked.shape, seed, asked.nuclei)
        found.append(SyntheticSource(name, worm.origin, worm, replace(worm, is_labels=True)))
    return found


SYNTHETIC = Format("synthetic", "no files", is_in=lambda place, data: True, volumes=_volumes, is_generated=True)


@lru_cache(maxsize=1)
def _worm(shape: tuple[int, int, int], seed: int, nuclei: int) -> tuple[NDArray[Any], NDArray[Any]]:
    # Image and labels come together, but are asked for one after the other.
    try:
        raw, labels = make_worm(shape, seed, nuclei)
    except InputError as error:
        raise InputError(f"data.synthetic.{error}") from None
    raw.flags.writeable = labels.flags.writeable = False
    return raw, labels
