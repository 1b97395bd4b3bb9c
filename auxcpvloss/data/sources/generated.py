"""Volumes that are generated, as if they were stored somewhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.source import Source, Vector
from auxcpvloss.data.synthetic.worms import dataset, make_worm
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.system.errors import InputError

# Raise it with every change of `make_worm` that changes its volumes: samples made before are then made again.
GENERATOR_VERSION = 1


@dataclass(frozen=True)
class SyntheticSource(Source):
    """A worm, a function of its shape, its seed and its number of nuclei."""

    shape: tuple[int, int, int]
    seed: int
    nuclei: int

    @property
    def has_labels(self) -> bool:
        """Always: the generator makes both."""
        return True

    @property
    def labels_origin(self) -> str:
        """The same as that of the image."""
        return self.origin

    def read_raw(self) -> NDArray[Any]:
        """Make the image: (Z, Y, X) array of uint8."""
        # It is made in double precision.
        check_declared(f"{self.origin}, data.synthetic.shape", self.shape, "f8")
        return _worm(self.shape, self.seed, self.nuclei)[0]

    def read_labels(self) -> NDArray[Any]:
        """Make the labels: (Z, Y, X) array of uint16."""
        return _worm(self.shape, self.seed, self.nuclei)[1]

    def voxel_size(self) -> Vector:
        """Voxels are as long as wide."""
        return (1.0, 1.0, 1.0)

    def checksum(self) -> str:
        """Sha256, in hex, of the arguments and the version of the generator."""
        made_from = (GENERATOR_VERSION, self.shape, self.seed, self.nuclei)
        return hashlib.sha256(repr(made_from).encode()).hexdigest()


def synthetic_sources(data: Data) -> dict[str, list[Source]]:
    """List the volumes of [data.synthetic], by split."""
    asked = data.synthetic
    names = dataset(asked.train, asked.val, asked.test, asked.seed)
    return {
        split: [
            SyntheticSource(name, f"synthetic volume {name} (seed {seed})", asked.shape, seed, asked.nuclei)
            for name, seed in seeds.items()
        ]
        for split, seeds in names.items()
    }


@lru_cache(maxsize=1)
def _worm(shape: tuple[int, int, int], seed: int, nuclei: int) -> tuple[NDArray[Any], NDArray[Any]]:
    # Image and labels come together, but are asked for one after the other; to verify and to store: twice.
    try:
        raw, labels = make_worm(shape, seed, nuclei)
    except InputError as error:
        raise InputError(f"data.synthetic.{error}") from None
    raw.flags.writeable = labels.flags.writeable = False
    return raw, labels
