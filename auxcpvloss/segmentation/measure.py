"""Properties of instances."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def mean_within(values: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
    """Mean of values over the voxels of each label.

    Parameters
    ----------
    values : (Z, Y, X) array of float
    labels : (Z, Y, X) array of integer
        0 is background; the others need be neither small nor consecutive.

    Returns
    -------
    (N,) array of float64
        By rising label.
    """
    voxels = np.flatnonzero(labels)
    _, instance, sizes = np.unique(labels.reshape(-1)[voxels], return_inverse=True, return_counts=True)
    return np.bincount(instance, weights=values.reshape(-1)[voxels], minlength=len(sizes)) / sizes
