"""The auxiliary task ``lsd``: local shape descriptors, of a nucleus in a window (Sheridan et al. 2023)."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.methods.auxiliary.task import Auxiliary
from auxcpvloss.methods.instance_geometry import for_kernels, with_margin
from auxcpvloss.methods.method import ALL, Array, Head, Labels, Part
from auxcpvloss.methods.transforms import TENSOR

SIGMA = 5
"""Standard deviation, in voxels, of the Gaussian window around a voxel."""
REACH = 3 * SIGMA
"""Distance along each axis, in voxels, at which the window ends."""

Matrix = NDArray[np.float64]


def target(labels: Labels, part: Part = ALL) -> Array:
    """Describe what the window around each instance voxel holds of its instance.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
    part : slices, optional

    Returns
    -------
    (10, Z, Y, X) array of float32
        The vector to the center of mass, over `SIGMA`; the covariance of places, over its square, in the order of
        `TENSOR`; and how much of the window the instance fills. 0 in the background and beyond the volume.
    """
    from auxcpvloss.methods import kernels, shape_kernels

    # No instance is looked at farther away than windows reach.
    wide, inner = with_margin(part, REACH, labels.shape)
    near = for_kernels(labels[wide])
    ids, _ = kernels.add_up(near)
    found = np.zeros((10, *near.shape), np.float32)
    for label, (first, last) in zip(ids, shape_kernels.bounds(near, ids), strict=True):
        if label:
            box = tuple(map(slice, first, last))
            inside = near[box] == label
            found[(slice(None), *box)][:, inside] = _described(inside)[:, inside]
    return found[(slice(None), *inner)]


def _described(inside: NDArray[np.bool_]) -> Matrix:
    """Give the descriptors in the box of an instance: (Z, Y, X) -> (10, Z, Y, X); of no meaning outside of it."""
    sums = _sums(inside)
    # 1 at least in the instance; elsewhere in its box there may be none of it in the window.
    mass = np.maximum(sums[0, 0, 0], 1)
    means = [sums[_powers(axis)] / mass for axis in range(3)]
    spreads = [sums[_powers(i, j)] / mass - means[i] * means[j] for i, j in TENSOR]
    whole = _matrix(2 * REACH + 1, 0)[REACH].sum() ** 3
    return np.stack([*(mean / SIGMA for mean in means), *(spread / SIGMA**2 for spread in spreads), mass / whole])


def _sums(inside: NDArray[np.bool_]) -> dict[tuple[int, int, int], Matrix]:
    """Add up, in the window around each voxel, products of offsets along z, y and x, by their powers: up to two."""
    from auxcpvloss.methods.shape_kernels import along_middle

    depth, height, width = inside.shape
    values = inside.reshape(depth * height, width, 1).astype(np.float64)
    of_x = [along_middle(values, _matrix(width, x)).reshape(depth, height, width) for x in range(3)]
    of_y = {(y, x): along_middle(of_x[x], _matrix(height, y)) for x in range(3) for y in range(3 - x)}
    return {
        (z, y, x): along_middle(each.reshape(1, depth, height * width), _matrix(depth, z)).reshape(inside.shape)
        for (y, x), each in of_y.items()
        for z in range(3 - y - x)
    }


@cache
def _matrix(size: int, power: int) -> Matrix:
    """Give the window along an axis of so many voxels, times a power of the offset: (from voxel, to voxel)."""
    offsets = np.arange(size) - np.arange(size)[:, np.newaxis]
    window = np.where(np.abs(offsets) <= REACH, np.exp(-0.5 * (offsets / SIGMA) ** 2), 0)
    return np.ascontiguousarray(window * offsets.astype(np.float64) ** power)


def _powers(*axes: int) -> tuple[int, int, int]:
    """Give the powers of z, y and x in a product of offsets along some axes."""
    z, y, x = (axes.count(axis) for axis in range(3))
    return z, y, x


LSD = Auxiliary(
    Head(
        "lsd",
        channels=10,
        target=target,
        loss="squared_difference",
        context=REACH,
        background=0.01,
        transforms_as="shape",
    ),
)
