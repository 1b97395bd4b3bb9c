"""Sampling of volumes through a deformation, without the place of every voxel in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.augment import kernels
from auxcpvloss.augment.deform import Box, Deformation, Displacement, Floats


class Sampler:
    """Samples volumes where the voxels of a box come from.

    Attributes
    ----------
    box : Box
    first, last : (3,) array of int
        First and last voxel of the volume that the box is sampled from.
    """

    def __init__(self, deformation: Deformation, box: Box) -> None:
        self.box = box
        self._tables = _tables(deformation, box)
        low, high = self._reach()
        self.first, self.last = np.floor(low).astype(int), np.ceil(high).astype(int)

    def _reach(self) -> NDArray[np.float32]:
        """Find the least and greatest place of all voxels: (2, 3)."""
        # Between knots the map is linear along z and along y: no voxel is beyond those next to the knots, but for
        # rounding, which matters only where a place is almost that of a voxel.
        found = _extremes(self._tables, _at_knots(self._tables[1]), _at_knots(self._tables[3]))
        if (np.abs(found - np.rint(found)) > 16 * np.spacing(np.abs(found).max())).all():
            return found
        return _extremes(self._tables, *map(np.arange, self.box[1][:2]))

    def linear(self, source: Floats) -> Floats:
        """Interpolate linearly in `source`, the voxels from `first` to `last`."""
        sampled = np.empty(self.box[1], np.float32)
        kernels.sample_linear(self._tables, self.first.astype(np.float32), source, sampled)
        return sampled

    def nearest(self, source: NDArray[Any], sampled: NDArray[Any]) -> None:
        """Write the nearest voxels of `source`, which are those from `first` to `last`, into an array of the box."""
        kernels.sample_nearest(self._tables, self.first.astype(np.float32), source, sampled)


def _extremes(tables: tuple[NDArray[Any], ...], planes: NDArray[Any], lines: NDArray[Any]) -> NDArray[np.float32]:
    low, high = kernels.reach(tables, planes, lines)
    return np.stack([low.min(axis=1), high.max(axis=1)])


def _at_knots(below: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find the first and last voxel between two knots, of all voxels along an axis."""
    changes = np.diff(below) != 0
    return np.flatnonzero(np.append(changes, True) | np.insert(changes, 0, True))


def _tables(deformation: Deformation, box: Box) -> tuple[NDArray[Any], ...]:
    """Give `kernels.TABLES` for the voxels of a box."""
    shift = deformation.displacement or Displacement(np.array(box[0]), max(box[1]), np.zeros((3, 2, 2, 2), np.float32))
    below, weights = [], []
    for first, size, origin in zip(*box, shift.origin, strict=True):
        places = np.arange(first, first + size) - origin
        below.append(places // shift.subsample)
        weights.append(((places - below[-1] * shift.subsample) / shift.subsample).astype(np.float32))
    from_center = [
        (np.arange(first, first + size) - center).astype(np.float32)
        for first, size, center in zip(*box, deformation.center, strict=True)
    ]
    return (
        np.stack([np.take(shift.knots, below[2] + end, axis=3) for end in (0, 1)]),
        below[0],
        weights[0],
        below[1],
        weights[1],
        weights[2],
        deformation.linear.astype(np.float32),
        *from_center,
        deformation.center.astype(np.float32),
    )
