"""Where instances are, where they end, and where their centers are."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.data.centers_of_mass import Centers, centers_by_label
from auxcpvloss.methods.method import Array, Labels

WHOLE = np.ones((3, 3, 3), dtype=bool)


def known(labels: Labels) -> Array:
    """Voxels that lie in the volume and are annotated: (Z, Y, X) labels -> (Z, Y, X) array of bool."""
    # OUTSIDE is greater still.
    return labels < IGNORED


def known_box(labels: Labels) -> tuple[slice, ...] | None:
    """Find the box of the `known` voxels of (Z, Y, X) labels; None if there are none."""
    return next(iter(ndimage.find_objects(known(labels).view(np.int8))), None)


def instances(labels: Labels) -> Array:
    """Voxels of instances: (Z, Y, X) labels -> (Z, Y, X) array of bool."""
    return (labels > 0) & known(labels)


def boundary(labels: Labels, element: Array = WHOLE) -> Array:
    """Voxels that one erosion of every instance takes away.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        Neither what is not `known` nor the border of the array makes a boundary.
    element : (3, 3, 3) array of bool
        What is eroded with; by default all 26 neighbours.

    Returns
    -------
    (Z, Y, X) array of bool
    """
    # An instance is eroded where its neighbours are not all of the same label: where their least and greatest label
    # differ. What is not known has the greatest numbers; for the maximum it is taken for the least one.
    least = ndimage.minimum_filter(labels, footprint=element, mode="nearest")
    inside = np.where(known(labels), labels, np.uint32(0))
    greatest = ndimage.maximum_filter(inside, footprint=element, mode="nearest")
    return instances(labels) & (least != greatest)


def find_centers(labels: Labels) -> Centers:
    """Find the center of mass of every instance of (Z, Y, X) labels, see `centers_by_label`."""
    return centers_by_label(labels, instances(labels))
