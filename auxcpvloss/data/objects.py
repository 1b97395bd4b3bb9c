"""Where the instances of a volume lie, and how large they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from auxcpvloss.data.centers_of_mass import centers_by_label

MAX_LABEL = 2**32 - 2  # the type is uint32, and its largest number marks what is outside of the volume
TOUCHING = np.ones((3, 3, 3), bool)  # 26 neighbours
TOUCHING_DISTANCE = 1.8  # voxels that touch by a corner are the square root of 3 apart
SCATTERED = 200  # voxels of its bounding box to each voxel of an instance


@dataclass(frozen=True, eq=False)
class Objects:
    """The instances of a volume, by rising label.

    Attributes
    ----------
    ids : (N,) array of the type of the labels
    sizes : (N,) array of int64
        In voxels.
    centers : (N, 3) array of float64
        Centers of mass: z, y, x, in voxels.
    extents : (N, 3) array of int64
        Of the bounding boxes, in voxels.
    pieces : (N,) array of int64
        How many 26-connected pieces an instance consists of.
    """

    ids: NDArray[Any]
    sizes: NDArray[np.int64]
    centers: NDArray[np.float64]
    extents: NDArray[np.int64]
    pieces: NDArray[np.int64]


def measure(labels: NDArray[Any]) -> Objects:
    """Measure every instance, from the list of its voxels.

    Parameters
    ----------
    labels : (Z, Y, X) array of integer, not negative
        0 is background; the labels need not be consecutive and can be as large as the type allows.
    """
    foreground = np.flatnonzero(labels)
    ids, numbers, sizes = np.unique(labels.reshape(-1)[foreground], return_inverse=True, return_counts=True)
    by_instance = foreground[np.argsort(numbers, kind="stable")]
    voxels = np.stack(np.unravel_index(by_instance, labels.shape), axis=1)

    extents, pieces = [], []
    for own in np.split(voxels, np.cumsum(sizes)[:-1]) if len(ids) else []:
        corner = own.min(axis=0)
        extents.append(own.max(axis=0) - corner + 1)
        pieces.append(_pieces(own - corner, extents[-1]))
    return Objects(
        ids=ids,
        sizes=sizes,
        centers=centers_by_label(labels).positions,
        extents=np.array(extents, np.int64).reshape(-1, 3),
        pieces=np.array(pieces, np.int64),
    )


def _pieces(voxels: NDArray[np.int64], extent: NDArray[np.int64]) -> int:
    """Count the pieces of an instance, given as (N, 3) positions in its bounding box."""
    if extent.prod() < SCATTERED * len(voxels):
        mask = np.zeros(extent, bool)
        mask[tuple(voxels.T)] = True
        return int(ndimage.label(mask, TOUCHING)[1])
    # A mask that was interpolated leaves crumbs of each label all over the volume: hundreds of boxes of that size.
    pairs = cKDTree(voxels).query_pairs(TOUCHING_DISTANCE, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(len(voxels), len(voxels)))
    return int(connected_components(graph, directed=False)[0])
