"""Where instances are, where they end, and where their centers are."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from auxcpvloss.data.centers_of_mass import Centers, centers_by_label
from auxcpvloss.methods.method import OUTSIDE, Array, Labels

WHOLE = np.ones((3, 3, 3), dtype=bool)


def known_box(labels: Labels) -> tuple[slice, ...] | None:
    """Find the box of the voxels of (Z, Y, X) labels that lie in the volume; None if none do."""
    return next(iter(ndimage.find_objects((labels != OUTSIDE).view(np.int8))), None)


def instances(labels: Labels) -> Array:
    """Voxels of instances: (Z, Y, X) labels -> (Z, Y, X) array of bool."""
    return (labels > 0) & (labels != OUTSIDE)


def boundary(labels: Labels, element: Array = WHOLE) -> Array:
    """Voxels that one erosion of every instance takes away.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        `OUTSIDE` beyond the volume; neither that nor the border of the array makes a boundary.
    element : (3, 3, 3) array of bool
        What is eroded with; by default all 26 neighbours.

    Returns
    -------
    (Z, Y, X) array of bool
    """
    # An instance is eroded where its neighbours are not all of the same label: where their least and greatest label
    # differ. OUTSIDE is the greatest number; for the maximum it is taken for the least one.
    least = ndimage.minimum_filter(labels, footprint=element, mode="nearest")
    inside = np.where(labels == OUTSIDE, np.uint32(0), labels)
    greatest = ndimage.maximum_filter(inside, footprint=element, mode="nearest")
    return instances(labels) & (least != greatest)


def find_centers(labels: Labels) -> Centers:
    """Find the center of mass of every instance of (Z, Y, X) labels, see `centers_by_label`."""
    return centers_by_label(labels, instances(labels))
