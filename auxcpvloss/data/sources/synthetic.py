"""Generated volumes, as if they were stored somewhere: worms, see `data.synthetic`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.format import Format
from auxcpvloss.data.sources.source import Source, Vector
from auxcpvloss.data.synthetic.worms import dataset, make_worm
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.untrusted.zips import File
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

    def files(self) -> dict[str, File]:
        """Give none."""
        return {}

    def checksum(self) -> str:
        """Sha256, in hex, of the arguments and the version of the generator."""
        made_from = (GENERATOR_VERSION, self.shape, self.seed, self.nuclei)
        return hashlib.sha256(repr(made_from).encode()).hexdigest()


class SyntheticFormat(Format):
    """The volumes of [data.synthetic]."""

    name = "synthetic"
    is_generated = True

    def expected(self, data: Data) -> str:
        """Say that there are no files."""
        return "no files"

    def is_in(self, place: str, data: Data) -> bool:
        """Whether a split is generated: each is, if only as none."""
        return True

    def volumes(self, place: str, data: Data) -> list[Source]:
        """List the volumes of a split."""
        asked = data.synthetic
        seeds = dataset(asked.train, asked.val, asked.test, asked.seed)[place]
        return [
            SyntheticSource(name, f"synthetic volume {name} (seed {seed})", asked.shape, seed, asked.nuclei)
            for name, seed in seeds.items()
        ]


SYNTHETIC = SyntheticFormat()


@lru_cache(maxsize=1)
def _worm(shape: tuple[int, int, int], seed: int, nuclei: int) -> tuple[NDArray[Any], NDArray[Any]]:
    # Image and labels come together, but are asked for one after the other.
    try:
        raw, labels = make_worm(shape, seed, nuclei)
    except InputError as error:
        raise InputError(f"data.synthetic.{error}") from None
    raw.flags.writeable = labels.flags.writeable = False
    return raw, labels
