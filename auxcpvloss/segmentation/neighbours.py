"""The six neighbours of a voxel in the flat array of a volume, for compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

SIDES = 6


def steps_to(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Give the steps in the flat array of a (Z, Y, X) volume to the neighbours, in the order of the volume."""
    _, height, width = shape
    return np.array([-height * width, -width, -1, 1, width, height * width])


@njit(cache=True)
def is_neighbour(voxel: int, other: int, side: int, width: int, plane: int) -> bool:
    """Whether what comes a step to a side in the array lies beside a voxel, not at the other end of a row or plane.

    Takes numbers alone: with arrays as arguments calls would count references, which costs more than all the rest.
    """
    if side == 2:
        return voxel % width != 0
    if side == 3:
        return other % width != 0
    if side == 1:
        return voxel % plane >= width
    if side == 4:
        return other % plane >= width
    return True
