"""Dropout: voxels or blocks of voxels without signal."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.augment.augmentation import Augmentation, Occasional, Ordered, Setting, in_voxels
from auxcpvloss.augment.deform import Floats
from auxcpvloss.config.tables.types import Fraction, Hundreds


class Dropout(Occasional):
    """Voxels or blocks of voxels without signal."""

    category: ClassVar = "noise"

    fraction: Annotated[tuple[Fraction, Fraction], Ordered] = Field(
        (0.01, 0.1),
        description="Range of the fraction of the voxels that become as dark as the darkest voxel of the patch.",
        examples=[[0.05, 0.2]],
    )
    size: Annotated[tuple[Hundreds, Hundreds], Ordered] = Field(
        (1, 1),
        description="Range of the edge of the blocks that they form, in voxels along the axis with the smallest "
        "spacing; blocks are equally wide in space along all axes. 1: single voxels.",
        examples=[[2, 6]],
    )


def change(raw: Floats, table: Dropout, setting: Setting, rng: np.random.Generator) -> NDArray[np.floating]:
    """Darken cells of a grid that begins at a random voxel, independently of each other."""
    fraction, size = rng.uniform(*table.fraction), int(rng.integers(*table.size, endpoint=True))
    edges = np.rint(in_voxels(size, setting)).astype(int).clip(1)
    cells = [
        (np.arange(length) + first) // edge
        for length, first, edge in zip(raw.shape, rng.integers(edges), edges, strict=True)
    ]
    dropped = rng.random([axis[-1] + 1 for axis in cells], np.float32) < fraction
    return np.where(dropped[np.ix_(*cells)], raw.min(), raw)


DROPOUT = Augmentation("dropout", Dropout, change=change)
