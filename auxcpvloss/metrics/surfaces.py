"""Surfaces of instances, and how far they are from each other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.metrics.overlap import Ids, Indices, Values
from auxcpvloss.system.lazy import lazily

spatial = lazily("scipy.spatial")


class Surface(NamedTuple):
    """The surface voxels of all instances of a volume: (S,) ids, rising, and (S, 3) places."""

    ids: Ids
    voxels: Indices

    def of(self, instance: Any) -> Indices:
        """Give the surface voxels of an instance: (N, 3)."""
        begin, end = (np.searchsorted(self.ids, instance, side) for side in ("left", "right"))
        return self.voxels[begin:end]


def surface_of(labels: NDArray[Any]) -> Surface:
    """Find the surface voxels of (Z, Y, X) labels: those with one of six neighbours outside of the same instance.

    The end of the volume bounds an instance, too, so that each has a surface; along axes of one voxel it does not.
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
    """Measure how far each of (N, 3) voxels is from the nearest of (M, 3) others.

    Gives (N,) distances in the unit of `spacing`, the size of a voxel along z, y, x. What is farther than `limit` is
    infinitely far: that takes less time to find out.
    """
    tree = spatial.cKDTree(other * spacing)
    # The bound itself is beyond what scipy takes to be within it.
    return np.asarray(tree.query(one * spacing, distance_upper_bound=np.nextafter(limit, np.inf))[0])
