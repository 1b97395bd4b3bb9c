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
        low, high = kernels.reach(self._tables)
        self.first, self.last = np.floor(low.min(axis=1)).astype(int), np.ceil(high.max(axis=1)).astype(int)

    def linear(self, source: Floats) -> Floats:
        """Interpolate linearly in `source`, the voxels from `first` to `last`."""
        sampled = np.empty(self.box[1], np.float32)
        kernels.sample_linear(self._tables, self.first.astype(np.float32), source, sampled)
        return sampled

    def nearest(self, source: NDArray[Any], sampled: NDArray[Any]) -> None:
        """Write the nearest voxels of `source`, which are those from `first` to `last`, into an array of the box."""
        kernels.sample_nearest(self._tables, self.first.astype(np.float32), source, sampled)


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
