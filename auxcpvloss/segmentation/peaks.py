"""Local maxima."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")


def local_maxima(values: NDArray[Any], threshold: float, reach: int) -> NDArray[np.int64]:
    """Find voxels above a threshold that are the highest within a window.

    Parameters
    ----------
    values : (Z, Y, X) array of float
    threshold : float
    reach : int
        The window is 2 x reach + 1 voxels wide.

    Returns
    -------
    (N, 3) array of int64
        z, y, x; of a plateau (26-neighbourhood) the voxel nearest to its center.
    """
    highest = ndimage.maximum_filter(values, size=2 * reach + 1, mode="nearest") == values
    plateaus, count = ndimage.label(highest & (values > threshold), np.ones((3, 3, 3)))
    points = np.empty((count, 3), dtype=np.int64)
    for number, box in enumerate(ndimage.find_objects(plateaus)):
        voxels = np.argwhere(plateaus[box] == number + 1)
        nearest = ((voxels - voxels.mean(axis=0)) ** 2).sum(axis=1).argmin()
        points[number] = voxels[nearest] + [side.start for side in box]
    return points
