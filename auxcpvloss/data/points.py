"""Center points in a volume: their voxels, and small balls, so that whatever moves labels moves points too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

RADIUS = 2
"""Radius of a ball, in voxels: large enough to survive elastic deformation with nearest-neighbor sampling."""


def voxels_of(points: NDArray[Any], shape: Sequence[int]) -> NDArray[np.int64]:
    """Give the voxels, (N, 3), that points lie in, or are nearest to; columns after z, y, x do not matter."""
    return np.clip(np.rint(points[:, :3]).astype(np.int64), 0, np.array(shape) - 1)


def are_inside(points: NDArray[Any], shape: Sequence[int]) -> NDArray[np.bool_]:
    """Whether points lie in the volume, whose voxels reach half a voxel beyond their centers."""
    return np.all((points[:, :3] >= -0.5) & (points[:, :3] <= np.array(shape) - 0.5), axis=1)


def paint_balls(points: NDArray[np.float64], shape: tuple[int, int, int]) -> NDArray[np.uint32]:
    """Paint a ball around every point.

    A ball is the voxels at most `RADIUS` from the voxel that the point lies in. Where balls meet, a voxel belongs to
    the nearest point, of equally near ones to that of the smaller id.

    Parameters
    ----------
    points : (N, 4) array
        z, y, x in voxels and the id, a positive integer below 2^32. A point up to half a voxel beyond the centers of
        the outermost voxels lies in these.
    shape : (Z, Y, X)

    Returns
    -------
    (Z, Y, X) array of uint32
        The ids; 0 where there is no ball.
    """
    # Of thousands at one place, the one of the smallest id.
    points = points[np.argsort(points[:, 3], kind="stable")]
    points = points[np.unique(points[:, :3], axis=0, return_index=True)[1]]
    places, ids = points[:, :3], points[:, 3].astype(np.uint32)
    reach = np.arange(-RADIUS, RADIUS + 1)
    steps = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), axis=-1).reshape(-1, 3)
    steps = steps[(steps**2).sum(axis=1) <= RADIUS**2]
    own = voxels_of(places, shape)
    voxels = own[:, np.newaxis] + steps
    distances = ((voxels - places[:, np.newaxis]) ** 2).sum(axis=-1)
    inside = ((voxels >= 0) & (voxels < shape)).all(axis=-1)

    voxels, distances = voxels[inside], distances[inside]
    owners = np.broadcast_to(ids[:, np.newaxis], inside.shape)[inside]
    order = np.lexsort((owners, distances))
    flat = np.ravel_multi_index(tuple(voxels[order].T), shape)
    taken, first = np.unique(flat, return_index=True)
    balls = np.zeros(shape, np.uint32)
    balls.reshape(-1)[taken] = owners[order][first]
    return balls
