"""Grow instances into the background."""

from __future__ import annotations

from typing import Any

import numpy as np

from auxcpvloss.segmentation.arrays import Labels
from auxcpvloss.segmentation.neighbours import SIDES, is_neighbour, steps_to
from auxcpvloss.segmentation.runs import Indices
from auxcpvloss.system.kernel import kernel


def dilate(labels: Labels, steps: int, edge: Indices) -> Indices:
    """Grow every instance by one 6-neighbour step a time, into the background only.

    A background voxel that two instances reach in the same step stays background: neither takes from the other,
    and the result does not depend on how instances are numbered.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        Changed in place.
    steps : int
    edge : (N,) array of int64
        Flat indices of the voxels of instances that have background beside them, and of any others.

    Returns
    -------
    (M,) array of int64
        The edge from which to go on.
    """
    flat, sides = labels.reshape(-1), steps_to(labels.shape)
    for _ in range(steps):
        # What two instances reached at once stays as it is: only what was added has background to grow into.
        edge = _grow(flat, sides, _beside(flat, sides, edge))
    return edge


@kernel()
def _beside(labels: Any, steps: Indices, voxels: Indices) -> Any:
    """List the background voxels beside some voxels; one may be in the list several times."""
    found = [np.int64(0) for _ in range(0)]
    for voxel in voxels:
        for side in range(SIDES if labels[voxel] else 0):
            other = voxel + steps[side]
            if is_neighbour(voxel, side, steps, len(labels)) and labels[other] == 0:
                found.append(other)
    return np.array(found)


@kernel()
def _grow(labels: Any, steps: Indices, reached: Indices) -> Any:
    """Label the voxels that a single instance reaches; gives these."""
    values = np.zeros(len(reached), np.uint32)
    for i, voxel in enumerate(reached):
        for side in range(SIDES):
            if is_neighbour(voxel, side, steps, len(labels)):
                label = labels[voxel + steps[side]]
                if label and values[i] and label != values[i]:
                    values[i] = 0
                    break
                values[i] = max(values[i], label)
    count = 0
    for i, voxel in enumerate(reached):
        if values[i] and labels[voxel] == 0:
            labels[voxel] = values[i]
            reached[count] = voxel
            count += 1
    return reached[:count]
