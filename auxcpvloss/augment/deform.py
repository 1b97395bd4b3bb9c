"""A smooth map by which image and labels of a patch are deformed together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Box = tuple[tuple[int, int, int], tuple[int, int, int]]
"""First voxel and shape."""


@dataclass(frozen=True)
class Displacement:
    """Shifts that are given at knots and linear in between, along each axis.

    Attributes
    ----------
    origin : (3,) array of int
        Voxel of the first knot.
    subsample : int
        Distance of the knots, in voxels.
    knots : (3, Kz, Ky, Kx) array
        Shift in voxels.
    """

    origin: NDArray[np.int64]
    subsample: int
    knots: Floats

    def at(self, box: Box) -> Floats:
        """Interpolate at each voxel of a box: (3, Z, Y, X) array."""
        moved = self.knots
        for axis, (first, size) in enumerate(zip(*box, strict=True)):
            moved = _interpolate(moved, axis + 1, np.arange(first, first + size) - self.origin[axis], self.subsample)
        return moved


@dataclass(frozen=True)
class Deformation:
    """A map from voxels of the deformed volume to places in the volume.

    The map depends on the place alone, so that two overlapping boxes agree bitwise on the voxels that they share.
    (gunpowder's DeformAugment stretches its control points over the box of each array, so that arrays of different
    extent, such as raw and its smaller labels, are shifted against each other.)

    Attributes
    ----------
    box : Box
        Where the map is needed; its center is the fixed point of the linear part.
    linear : (3, 3) array
        Linear part, in voxels: rotation, scaling.
    displacement : Displacement or None
        Added to it.
    """

    box: Box
    linear: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    displacement: Displacement | None = None

    @property
    def center(self) -> NDArray[np.float64]:
        """Fixed point of the linear part."""
        first, shape = np.array(self.box)
        return np.asarray(first + (shape - 1) / 2)

    def sources(self, box: Box) -> Floats:
        """Return where each voxel of a box comes from.

        Returns
        -------
        (3, Z, Y, X) array of float32
            Coordinates in voxels of the volume, relative to `center`.
        """
        moved = np.zeros((3, *box[1]), np.float32) if self.displacement is None else self.displacement.at(box)
        offsets = [
            (np.arange(first, first + size) - center).astype(np.float32)
            for first, size, center in zip(*box, self.center, strict=True)
        ]
        grid = np.meshgrid(*offsets, indexing="ij", sparse=True)
        linear = self.linear.astype(np.float32)
        for row in range(3):
            for column in range(3):
                if linear[row, column]:
                    moved[row] += linear[row, column] * grid[column]
        return moved


SLAB = 2**20
"""Voxels of which the places are computed at a time."""


class Sources:
    """Where the voxels of a box come from, by slabs of planes: places by voxel take many times the memory of labels.

    Iterating gives, for each slab, its planes and the (3, Z, Y, X) places within the box from `first` to `last`.

    Attributes
    ----------
    first, last : (3,) array of int
        First and last voxel of the volume that the box is sampled from.
    """

    def __init__(self, deformation: Deformation, box: Box) -> None:
        self._deformation, self._box = deformation, box
        self._step = max(1, SLAB // math.prod(box[1][1:]))
        reached = []
        for planes in self._slabs():
            places = self._places(planes)
            reached.append((places.min(axis=(1, 2, 3)), places.max(axis=(1, 2, 3))))
        low, high = zip(*reached, strict=True)
        self.first, self.last = np.floor(np.min(low, axis=0)).astype(int), np.ceil(np.max(high, axis=0)).astype(int)
        self._held = places if len(reached) == 1 else None

    def __iter__(self) -> Iterator[tuple[slice, Floats]]:
        for planes in self._slabs():
            places = self._places(planes) if self._held is None else self._held
            yield planes, places - self.first.astype(np.float32).reshape(3, 1, 1, 1)

    def _slabs(self) -> Iterator[slice]:
        planes = self._box[1][0]
        return (slice(begin, min(begin + self._step, planes)) for begin in range(0, planes, self._step))

    def _places(self, planes: slice) -> Floats:
        (z, y, x), (_, height, width) = self._box
        places = self._deformation.sources(((z + planes.start, y, x), (planes.stop - planes.start, height, width)))
        places += self._deformation.center.astype(np.float32).reshape(3, 1, 1, 1)
        return places


def _interpolate(values: Floats, axis: int, places: NDArray[np.int64], step: int) -> Floats:
    """Interpolate linearly along one axis at voxels counted from the first knot."""
    below = places // step
    shape = [1] * values.ndim
    shape[axis] = -1
    weight = ((places - below * step) / step).astype(np.float32).reshape(shape)
    lower, upper = np.take(values, below, axis), np.take(values, below + 1, axis)
    return lower + weight * (upper - lower)
