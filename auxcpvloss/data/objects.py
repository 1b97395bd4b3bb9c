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
    """Measure every instance within its bounding box.

    Parameters
    ----------
    labels : (Z, Y, X) array of integer, not negative
        0 is background; the labels need not be consecutive and can be as large as the type allows.
    """
    # Consecutive numbers, found among the foreground alone, which is a small part of most volumes.
    foreground = labels > 0
    ids, numbers = np.unique(labels[foreground], return_inverse=True)
    compact = np.zeros(labels.shape, np.int32)
    compact[foreground] = numbers + 1

    sizes, centers, extents, pieces = [], [], [], []
    for number, box in enumerate(ndimage.find_objects(compact), start=1):
        mask = compact[box] == number
        inside = np.nonzero(mask)
        sizes.append(len(inside[0]))
        centers.append([part.start + along.mean() for part, along in zip(box, inside, strict=True)])
        extents.append(mask.shape)
        pieces.append(_pieces(mask, np.stack(inside, axis=1)))
    return Objects(
        ids=ids,
        sizes=np.array(sizes, np.int64),
        centers=np.array(centers, np.float64).reshape(-1, 3),
        extents=np.array(extents, np.int64).reshape(-1, 3),
        pieces=np.array(pieces, np.int64),
    )


def _pieces(mask: NDArray[np.bool_], points: NDArray[np.intp]) -> int:
    """Count the pieces of an instance, given as a mask and as a list of its voxels."""
    if mask.size < SCATTERED * len(points):
        return int(ndimage.label(mask, TOUCHING)[1])
    # A mask that was interpolated leaves crumbs of each label all over the volume: hundreds of boxes of that size.
    pairs = cKDTree(points).query_pairs(TOUCHING_DISTANCE, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    return int(connected_components(graph, directed=False)[0])
