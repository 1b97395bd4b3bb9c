"""The six neighbours of a voxel in the flat array of a volume, for compiled loops."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.system.kernel import kernel

SIDES = 6


def steps_to(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Give the steps in the flat array of a (Z, Y, X) volume to the neighbours, in the order of the volume."""
    _, height, width = shape
    return np.array([-height * width, -width, -1, 1, width, height * width])


@kernel(inline="always")
def is_neighbour(voxel: int, side: int, steps: NDArray[np.int64], voxels: int) -> bool:
    """Whether there is a neighbour on a side, or the volume, of so many voxels, ends there."""
    other = voxel + steps[side]
    if other < 0 or other >= voxels:
        return False
    # What comes next in the array may be at the other end of the next row, or plane.
    if side == 2:
        return voxel % steps[4] != 0
    if side == 3:
        return other % steps[4] != 0
    if side == 1:
        return voxel % steps[5] >= steps[4]
    if side == 4:
        return other % steps[5] >= steps[4]
    return True
