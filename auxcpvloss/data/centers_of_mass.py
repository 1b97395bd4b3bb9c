"""Centers of mass of labels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Indices = NDArray[np.int64]


class Centers(NamedTuple):
    """Centers of mass of labels, and the voxels that belong to them.

    Attributes
    ----------
    ids : (N,) array of the type of the labels, rising
    positions : (N, 3) array of float64
        z, y, x in voxels.
    voxels, instance : (V,) array of int64
        Flat indices of all voxels of labels, and the row of `positions` of each.
    """

    ids: NDArray[Any]
    positions: Points
    voxels: Indices
    instance: Indices


def centers_by_label(labels: NDArray[Any], where: NDArray[np.bool_] | None = None) -> Centers:
    """Find the center of mass of every label at once.

    Parameters
    ----------
    labels : (Z, Y, X) array of integer
        Labels are positive, and need be neither small nor consecutive.
    where : (Z, Y, X) array of bool, optional
        Voxels that count; by default all that are positive.
    """
    voxels = np.flatnonzero(labels > 0 if where is None else where)
    ids, instance, sizes = np.unique(labels.reshape(-1)[voxels], return_inverse=True, return_counts=True)
    axes = np.unravel_index(voxels, labels.shape)
    sums = [np.bincount(instance, weights=axis, minlength=len(ids)) for axis in axes]
    return Centers(ids, np.stack(sums, axis=-1) / sizes[:, np.newaxis], voxels, instance)
