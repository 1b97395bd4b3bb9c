"""Distances to the nearest voxel of another label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.system.lazy import lazily

edt = lazily("edt")


def distances_within(labels: NDArray[Any]) -> NDArray[np.float32]:
    """Euclidean distance, in voxels, to the nearest voxel of another label; the end of the array is none.

    Parameters
    ----------
    labels : (Z, Y, X) array of integers or bool

    Returns
    -------
    (Z, Y, X) array of float32
        0 in label 0; infinite where there is no other label.
    """
    # A plane takes several times as long as a volume than as an image; the distances are the same.
    if len(labels) == 1:
        return np.asarray(edt.edt(labels[0], black_border=False))[np.newaxis]
    return np.asarray(edt.edt(labels, black_border=False))
