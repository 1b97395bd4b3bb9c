"""Where instances are, and how crowded it is there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Indices = NDArray[np.int64]
Values = NDArray[np.float64]

REACH = 1.5
"""How near the center of a neighbour is, in mean diameters."""


class Places(NamedTuple):
    """Where some instances are.

    Attributes
    ----------
    ids : (N,) array of integer
        Rising; those asked for that are there.
    anchors : (N, 3) array of int64
        The voxel of each that is nearest to its center of mass: a hollow or bent one does not hold its center.
    extents : (N, 3) array of int64
        Sides of the box around each, along z, y, x, in voxels.
    sizes : (N,) array of int64
        In voxels.
    """

    ids: NDArray[Any]
    anchors: Indices
    extents: Indices
    sizes: Indices


def locate(labels: NDArray[Any], wanted: NDArray[Any]) -> Places:
    """Find some instances of a label volume at once.

    Parameters
    ----------
    labels : (Z, Y, X) array of integer
    wanted : (N,) array of integer
        Ids, in any order; those that are not there are left out.
    """
    voxels = np.flatnonzero(np.isin(labels, wanted))
    ids, owner, sizes = np.unique(labels.reshape(-1)[voxels], return_inverse=True, return_counts=True)
    if not ids.size:
        nothing = np.empty((0, 3), np.int64)
        return Places(ids, nothing, nothing, sizes)
    order = np.argsort(owner, kind="stable")
    owner, starts = owner[order], np.cumsum(sizes) - sizes
    at = np.stack(np.unravel_index(voxels[order], labels.shape), axis=-1)
    centers = np.add.reduceat(at, starts) / sizes[:, np.newaxis]
    nearest = np.lexsort((((at - centers[owner]) ** 2).sum(axis=1), owner))[starts]
    extents = np.maximum.reduceat(at, starts) - np.minimum.reduceat(at, starts) + 1
    return Places(ids, at[nearest], extents, sizes)


def mean_diameter(sizes: Indices, voxel_size: tuple[float, float, float]) -> float:
    """Mean diameter of balls as large as the instances, in the unit of the voxel size; of none, 1 voxel.

    Parameters
    ----------
    sizes : (N,) array of int64
        In voxels.
    voxel_size : size of a voxel along z, y and x
    """
    volumes = sizes * float(np.prod(voxel_size))
    return float(np.mean(np.cbrt(6 * volumes / np.pi))) if sizes.size else float(max(voxel_size))


def neighbours(
    places: NDArray[Any], centers: Values, voxel_size: tuple[float, float, float], diameter: float
) -> Indices:
    """Count how many other true nuclei lie around the true nucleus that is nearest to each place.

    Parameters
    ----------
    places : (P, 3) array
        z, y, x in voxels.
    centers : (T, 3) array of float64
        Of the true nuclei, in voxels.
    voxel_size : size of a voxel along z, y and x
    diameter : float
        In the unit of the voxel size; others count whose center lies within `REACH` of them.

    Returns
    -------
    (P,) array of int64
        0 where no nucleus is true.
    """
    if not len(centers):
        return np.zeros(len(places), np.int64)
    scaled = np.reshape(centers, (-1, 3)) * voxel_size
    tree = cKDTree(scaled)
    others = tree.query_ball_point(scaled, REACH * diameter, return_length=True) - 1
    return np.asarray(others[tree.query(np.reshape(places, (-1, 3)) * voxel_size)[1]], np.int64)
