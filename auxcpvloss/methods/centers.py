"""Centers of mass of all instances at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from auxcpvloss.methods.boundary import instances
from auxcpvloss.methods.method import Array, Labels


class Centers(NamedTuple):
    """Centers of instances, and the voxels that belong to them.

    Attributes
    ----------
    positions : (N, 3) array of float64
        z, y, x in voxels.
    voxels : (V,) array of int64
        Flat indices of all voxels of instances.
    instance : (V,) array of integer
        Row of `positions` of each of them.
    """

    positions: Array
    voxels: Array
    instance: Array


def find_centers(labels: Labels) -> Centers:
    """Find the center of mass of every instance.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        0 and `OUTSIDE` are no instances.

    Returns
    -------
    Centers
        In the order of the labels.
    """
    flat = labels.ravel()
    voxels = np.flatnonzero(instances(flat))
    _, instance = np.unique(flat[voxels], return_inverse=True)
    size = np.bincount(instance)
    positions = np.empty((len(size), 3))
    for axis, coordinate in enumerate(np.unravel_index(voxels, labels.shape)):
        positions[:, axis] = np.bincount(instance, weights=coordinate) / size
    return Centers(positions, voxels, instance)
