"""The auxiliary task ``nearest``: how near to a voxel of a nucleus another nucleus is."""

from __future__ import annotations

import numpy as np

from auxcpvloss.methods.auxiliary.task import Auxiliary
from auxcpvloss.methods.instance_geometry import for_kernels, instances
from auxcpvloss.methods.method import ALL, Array, Head, Labels, Part

REACH = 10
"""Distance, in voxels, from which on the target is 0."""


def target(labels: Labels, part: Part = ALL) -> Array:
    """1 - d / 10 of the Euclidean distance d, in voxels, from a voxel of an instance to the nearest one of another.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
    part : slices, optional

    Returns
    -------
    (1, Z, Y, X) array of float32
        In 0..1: almost 1 where instances touch, 0 where no other is near, in the background and beyond the volume.
    """
    from auxcpvloss.methods import shape_kernels

    first, last = np.array([axis.indices(size)[:2] for axis, size in zip(part, labels.shape, strict=True)]).T
    squares = shape_kernels.nearest_other(for_kernels(labels), REACH, first.copy(), np.maximum(first, last))
    nearness = np.maximum(1 - np.sqrt(squares, dtype=np.float32) / REACH, 0)
    return np.where(instances(labels[part]), nearness, np.float32(0))[np.newaxis]


NEAREST = Auxiliary(
    Head("nearest", channels=1, target=target, loss="squared_difference", context=REACH, background=0.01),
)
