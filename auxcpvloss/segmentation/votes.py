"""Count where center point vectors end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def count_votes(vectors: NDArray[Any]) -> NDArray[np.int32]:
    """Count, for each voxel, how many vectors end in it.

    Parameters
    ----------
    vectors : (3, Z, Y, X) array of float
        (dz, dy, dx) in voxels, from each voxel; rounded to whole voxels, ends outside are moved to the border.

    Returns
    -------
    (Z, Y, X) array of int32
        They add up to the number of voxels.
    """
    depth, height, width = shape = vectors.shape[1:]
    rows, columns = np.arange(height, dtype=np.float32)[:, np.newaxis], np.arange(width, dtype=np.float32)
    votes = np.zeros(depth * height * width, dtype=np.int32)
    # Plane by plane, since that stays in the processor's cache.
    for z, plane in enumerate(np.moveaxis(vectors, 1, 0)):
        end = np.zeros((height, width), dtype=np.intp)
        for component, start, size in zip(plane, (np.float32(z), rows, columns), shape, strict=True):
            place = np.rint(component, dtype=np.float32)
            place += start
            np.clip(place, 0, size - 1, out=place)
            end *= size
            end += place.astype(np.int32)
        np.add.at(votes, end.ravel(), np.int32(1))
    return votes.reshape(shape)
