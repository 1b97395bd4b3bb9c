"""Where instances are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


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
