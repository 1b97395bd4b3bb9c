"""Where instances are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.measure import regionprops

Voxel = tuple[int, int, int]


class Place(NamedTuple):
    """Where an instance is.

    Attributes
    ----------
    center : tuple of int
        Its voxel nearest to its center of mass: a hollow or bent instance does not hold its center.
    extent : tuple of int
        Sides of its bounding box, along z, y, x, in voxels.
    size : int
        In voxels.
    """

    center: Voxel
    extent: Voxel
    size: int


def locate(labels: NDArray[Any], wanted: NDArray[Any]) -> dict[int, Place]:
    """Find some instances of a (Z, Y, X) label volume, by rising id; those that are not there are left out."""
    ids = np.unique(wanted)
    places = {}
    numbers = np.where(np.isin(labels, ids), np.searchsorted(ids, labels) + 1, 0)
    for region in regionprops(numbers):
        voxels = region.coords
        nearest = voxels[((voxels - voxels.mean(axis=0)) ** 2).sum(axis=1).argmin()]
        extent = np.subtract(region.bbox[3:], region.bbox[:3])
        places[int(ids[region.label - 1])] = Place(tuple(nearest.tolist()), tuple(extent.tolist()), len(voxels))
    return places
