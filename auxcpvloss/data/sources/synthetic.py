"""Generated volumes, as if they were stored somewhere: worms or other nuclei, see `data.synthetic`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.format import Format
from auxcpvloss.data.sources.source import Image, Source, Vector
from auxcpvloss.data.synthetic.difficulty import RANGES, Difficulty
from auxcpvloss.data.synthetic.nuclei import make_nuclei
from auxcpvloss.data.synthetic.worms import dataset, make_worm
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError

Volume = tuple[NDArray[Any], NDArray[Any]]
Generator = Callable[[tuple[int, int, int], int, int, Difficulty], Volume]


def _nuclei(shape: tuple[int, int, int], seed: int, most: int, _: Difficulty) -> Volume:
    return make_nuclei(shape, seed, most)


GENERATORS: dict[str, tuple[Generator, int, str]] = {
    "worms": (make_worm, 1, "worm"),
    "nuclei": (_nuclei, 1, "nuclei"),
}
"""By `data.synthetic.kind`: the generator, its version, and what its volumes are called.

Raise the version with every change of a generator that changes its volumes: samples made before are then made again.
"""


@dataclass(frozen=True)
class Generated(Image):
    """A generated image or its labels, a function of kind, shape, seed, (largest) number of nuclei and difficulty."""

    origin: str
    kind: str
    shape: tuple[int, int, int]
    seed: int
    nuclei: int
    difficulty: Difficulty
    is_labels: bool = False

    def __str__(self) -> str:
        return self.origin

    def read(self) -> NDArray[Any]:
        """Make the image, of uint8 or uint16, or the labels, of uint16."""
        # It is made in double precision.
        check_declared(f"{self.origin}, data.synthetic.shape", self.shape, "f8")
        return _volume(self.kind, self.shape, self.seed, self.nuclei, self.difficulty)[self.is_labels]

    def files(self) -> dict[str, File]:
        """Give none."""
        return {}

    def voxel_size(self) -> Vector:
        """Voxels are as long as wide."""
        return (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class SyntheticSource(Source):
    """A generated volume: a function of the arguments of its generator."""

    image: Generated

    def checksum(self) -> str:
        """Sha256, in hex, of the arguments and the version of the generator."""
        image = self.image
        _, version, _ = GENERATORS[image.kind]
        made_from = (version, image.shape, image.seed, image.nuclei, *image.difficulty.changes().items())
        # Of worms, as before there were others.
        text = repr(made_from if image.kind == "worms" else (image.kind, *made_from))
        return hashlib.sha256(text.encode()).hexdigest()


def _volumes(split: str, data: Data) -> list[Source]:
    asked = data.synthetic
    found: list[Source] = []
    called = GENERATORS[asked.kind][2]
    difficulty = Difficulty(**{name: getattr(asked, name) for name in RANGES})
    for name, seed in dataset(asked.train, asked.val, asked.test, asked.seed, called)[split].items():
        origin = f"synthetic volume {name} (seed {seed})"
        image = Generated(origin, asked.kind, asked.shape, seed, asked.nuclei, difficulty)
        found.append(SyntheticSource(name, origin, image, replace(image, is_labels=True)))
    return found


SYNTHETIC = Format("synthetic", "no files", is_in=lambda place, data: True, volumes=_volumes, is_generated=True)


@lru_cache(maxsize=1)
def _volume(kind: str, shape: tuple[int, int, int], seed: int, nuclei: int, difficulty: Difficulty) -> Volume:
    # Image and labels come together, but are asked for one after the other.
    generator, _, _ = GENERATORS[kind]
    try:
        raw, labels = generator(shape, seed, nuclei, difficulty)
    except InputError as error:
        raise InputError(f"data.synthetic.{error}") from None
    raw.flags.writeable = labels.flags.writeable = False
    return raw, labels
