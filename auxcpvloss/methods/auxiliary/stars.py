"""The auxiliary task ``stars``: how far a nucleus reaches in many directions (Weigert et al. 2020)."""

from __future__ import annotations

import math

import numpy as np

from auxcpvloss.methods.auxiliary.task import Auxiliary
from auxcpvloss.methods.instance_geometry import for_kernels
from auxcpvloss.methods.method import ALL, Array, Head, Labels, Part
from auxcpvloss.methods.transforms import RAYS


def target(labels: Labels, part: Part = ALL) -> Array:
    """Distance, in voxels, from each instance voxel to the first one that is not of its instance, in 26 directions.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        All of each instance of interest has to be in it, and one voxel more.
    part : slices, optional

    Returns
    -------
    (26, Z, Y, X) array of float32
        In the directions `RAYS`, those of the neighbours of a voxel; 0 in the background and beyond the volume.
    """
    # Importing numba takes half a second.
    from auxcpvloss.methods import shape_kernels

    given = for_kernels(labels)
    distances = np.empty((len(RAYS), *labels[part].shape), np.float32)
    for distance, ray in zip(distances, RAYS, strict=True):
        np.multiply(shape_kernels.leave(given, *ray)[part], np.float32(math.hypot(*ray)), out=distance)
    return distances


STARS = Auxiliary(
    Head(
        "stars",
        channels=len(RAYS),
        target=target,
        loss="squared_difference",
        context=1,
        whole_instances=True,
        background=0.01,
        transforms_as="rays",
    ),
)
