"""Surfaces of instances, and how far they are from each other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from auxcpvloss.metrics.overlap import Ids, Indices, Values


class Surface(NamedTuple):
    """The surface voxels of all instances of a volume: (S,) ids, rising, and (S, 3) places."""

    ids: Ids
    voxels: Indices

    def of(self, instance: Any) -> Indices:
        """Give the surface voxels of an instance: (N, 3)."""
        begin, end = (np.searchsorted(self.ids, instance, side) for side in ("left", "right"))
        return self.voxels[begin:end]


def surface_of(labels: NDArray[Any]) -> Surface:
    """Find the surface voxels: those of which one of the six neighbours is not of the same instance.

    The end of the volume bounds an instance, too, so that each has a surface; along axes of one voxel it does not.

    Parameters
    ----------
    labels : (Z, Y, X) array of integer
        0 is background.
    """
    is_surface = np.full(labels.shape, labels.size == 1)
    for axis in np.flatnonzero(np.array(labels.shape) > 1):
        along, surface = np.moveaxis(labels, axis, 0), np.moveaxis(is_surface, axis, 0)
        differs = along[1:] != along[:-1]
        surface[1:] |= differs
        surface[:-1] |= differs
        surface[[0, -1]] = True
    is_surface &= labels > 0
    ids, voxels = labels[is_surface], np.argwhere(is_surface)
    order = np.argsort(ids, kind="stable")
    return Surface(ids[order], voxels[order])


def distances(one: Indices, other: Indices, spacing: tuple[float, ...], limit: float = np.inf) -> Values:
    """Measure how far each voxel is from the nearest of some others.

    Parameters
    ----------
    one, other : (N, 3) and (M, 3) arrays of int64
    spacing : tuple of float
        Size of a voxel along z, y, x.
    limit : float
        What is farther is infinitely far: it takes less time to find out.

    Returns
    -------
    (N,) array of float64
        In the unit of `spacing`.
    """
    tree = cKDTree(other * spacing)
    # The bound itself is beyond what scipy takes to be within it.
    return np.asarray(tree.query(one * spacing, distance_upper_bound=np.nextafter(limit, np.inf))[0])
