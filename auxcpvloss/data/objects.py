"""Where the instances of a volume lie, and how large they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.centers_of_mass import centers_by_label
from auxcpvloss.system.lazy import lazily

skimage = lazily("skimage")

MAX_LABEL = 2**32 - 3  # the type is uint32; its largest numbers mark what is not annotated or outside of the volume
TINY = 5  # voxels; below, an instance is more likely a slip of the annotator's hand


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
    parts, crumbs : (N,) array of int64
        How many of them have at least a tenth of the voxels of its largest piece, and `TINY` voxels; fewer than `TINY`.
    """

    ids: NDArray[Any]
    sizes: NDArray[np.int64]
    centers: NDArray[np.float64]
    extents: NDArray[np.int64]
    pieces: NDArray[np.int64]
    parts: NDArray[np.int64]
    crumbs: NDArray[np.int64]


def measure(labels: NDArray[Any]) -> Objects:
    """Measure every instance, from the list of its voxels.

    Parameters
    ----------
    labels : (Z, Y, X) array of integer, not negative
        0 is background; the labels need not be consecutive and can be as large as the type allows.
    """
    ids, centers, voxels, instance = centers_by_label(labels)
    sizes = np.bincount(instance, minlength=len(ids))
    components = skimage.measure.label(labels, connectivity=3).reshape(-1)[voxels]
    # A component is of one label: that of any of its voxels.
    _, first, volumes = np.unique(components, return_index=True, return_counts=True)
    owner = instance[first]
    largest = np.zeros(len(ids), np.int64)
    np.maximum.at(largest, owner, volumes)
    by_instance = np.argsort(instance, kind="stable")
    begins = np.cumsum(sizes) - sizes
    along = [axis[by_instance] for axis in np.unravel_index(voxels, labels.shape)]
    extents = [np.maximum.reduceat(axis, begins) - np.minimum.reduceat(axis, begins) + 1 for axis in along]
    return Objects(
        ids=ids,
        sizes=sizes,
        centers=centers,
        extents=np.stack(extents, axis=-1),
        pieces=np.bincount(owner, minlength=len(ids)),
        parts=np.bincount(owner[volumes >= np.maximum(largest[owner] / 10, TINY)], minlength=len(ids)),
        crumbs=np.bincount(owner[volumes < TINY], minlength=len(ids)),
    )
