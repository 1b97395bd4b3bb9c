"""The auxiliary task: the vector from every voxel of a nucleus to the nucleus' center (Hirsch & Kainmueller 2020)."""

from __future__ import annotations

import numpy as np

from auxcpvloss.methods.method import OUTSIDE, Array, Head, Labels, Method, with_auxiliary
from auxcpvloss.network.losses import center_vector_loss


def target(labels: Labels) -> Array:
    """Vector, in voxels, from each instance voxel to the center of mass of its instance.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        All of each instance of interest has to be in it, else the center is that of the visible part.

    Returns
    -------
    (3, Z, Y, X) array of float32
        (dz, dy, dx); 0 in the background and beyond the volume.
    """
    vectors = np.zeros((3, labels.size), dtype=np.float32)
    flat = labels.ravel()
    where = np.flatnonzero((flat != 0) & (flat != OUTSIDE))
    instance = _consecutive(flat[where])
    size = np.bincount(instance)
    size[size == 0] = 1
    _, ny, nx = labels.shape
    row = where // nx
    for axis, coordinate in enumerate((row // ny, row % ny, where - row * nx)):
        center = np.bincount(instance, weights=coordinate) / size
        vectors[axis, where] = center[instance] - coordinate
    return vectors.reshape(3, *labels.shape)


def _consecutive(labels: Array) -> Array:
    """Small numbers for labels: the labels themselves where they are small already, which needs no sorting."""
    if labels.size and labels.max() > 4 * labels.size:
        return np.unique(labels, return_inverse=True)[1]
    return labels


CPV = Head(
    "cpv",
    channels=3,
    target=target,
    loss=center_vector_loss,
    perfect=lambda vectors: vectors,
    whole_instances=True,
)


def with_cpv(method: Method) -> Method:
    """Give the same method with center point vectors as auxiliary task, ``<name>_cpv``."""
    return with_auxiliary(method, CPV)
