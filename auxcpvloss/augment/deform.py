"""A smooth map by which image and labels of a patch are deformed together."""

from __future__ import annotations

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
