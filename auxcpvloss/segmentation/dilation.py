"""Grow instances into the background."""

from __future__ import annotations

import numpy as np

from auxcpvloss.segmentation.arrays import SIX_NEIGHBOURS, Labels
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")


def dilate(labels: Labels, steps: int) -> Labels:
    """Grow every instance by one 6-neighbour step a time, into the background only.

    A background voxel that two instances reach in the same step stays background: neither takes from the other,
    and the result does not depend on how instances are numbered.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
    steps : int

    Returns
    -------
    (Z, Y, X) array of uint32
    """
    for _ in range(steps):
        greatest = ndimage.maximum_filter(labels, footprint=SIX_NEIGHBOURS, mode="nearest")
        # Background must not count as the least label, so it is taken for the greatest number here.
        others = np.where(labels == 0, np.iinfo(labels.dtype).max, labels)
        least = ndimage.minimum_filter(others, footprint=SIX_NEIGHBOURS, mode="nearest")
        labels = np.where((labels == 0) & (least == greatest), greatest, labels)
    return labels
