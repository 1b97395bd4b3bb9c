"""Where instances are, where they end, and where their centers are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.methods.method import UNKNOWN, Array, Labels, Part
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")

NO_INSTANCE, INSIDE, BOUNDARY = 0, 1, 2


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


def classes(labels: Labels, diagonal: bool = True) -> Array:
    """Tell inside from boundary: what one erosion of every instance takes away.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        Neither what is not `known` nor the border of the array makes a boundary.
    diagonal : bool
        Whether all 26 neighbours are eroded with, or six.

    Returns
    -------
    (Z, Y, X) array of uint8
        `NO_INSTANCE`, `INSIDE` or `BOUNDARY`.
    """
    # Importing numba takes half a second.
    from auxcpvloss.methods import kernels

    return np.asarray(kernels.classify(for_kernels(labels), diagonal))


def is_thin(labels: Labels) -> Array:
    """Tell where annotation is one voxel thick along an axis: (Z, Y, X) labels -> array of bool."""
    found, is_known, is_ignored = np.zeros(labels.shape, bool), known(labels), labels == IGNORED
    for axis in range(3):
        there, of_volume, ignored = (np.moveaxis(each, axis, 0) for each in (found, is_known, is_ignored))
        if len(there) > 2:
            between = ~(of_volume[2:] | of_volume[:-2]) & (ignored[2:] | ignored[:-2])
            there[1:-1] |= between
    return found & is_known


def over_greatest(distances: Array, least: Array, thin: Array, of: NDArray[np.int64]) -> Array:
    """Divide distances by the greatest of their instance, as far as both are known.

    Across a single annotated plane nothing is known of any instance: where most of one `is_thin`, it is learned as it
    is seen.

    Parameters
    ----------
    distances : (N,) array of float32
        To the surface, where what is not annotated has none.
    least : (N,) array of float32
        The same, where all that is not annotated is background.
    thin : (N,) array of bool
    of : (N,) array
        Number of the instance.

    Returns
    -------
    (N,) array of float32
        In 0..1; `UNKNOWN` where the two differ, and in all of an instance whose greatest distance is not known.
    """
    is_known = (least == distances) | (np.bincount(of, thin) > np.bincount(of) / 2)[of]
    greatest, surely = np.zeros((2, of.max(initial=-1) + 1), np.float32)
    np.maximum.at(greatest, of, distances)
    np.maximum.at(surely, of[is_known], distances[is_known])
    return np.where(is_known & (surely == greatest)[of], distances / greatest[of], np.float32(UNKNOWN))


def with_margin(part: Part, margin: int, shape: Sequence[int]) -> tuple[Part, Part]:
    """Extend a part of an array by a margin along each axis, as far as the array reaches.

    Parameters
    ----------
    part : slices
    margin : int
        Voxels.
    shape : (Z, Y, X)
        Of the array.

    Returns
    -------
    wide : slices
        The extended part.
    inner : slices
        Where in it the part is.
    """
    ends = [(begin, max(begin, end)) for begin, end, _ in map(slice.indices, part, shape)]
    wide = [slice(max(b - margin, 0), min(e + margin, size)) for (b, e), size in zip(ends, shape, strict=True)]
    inner = [slice(b - axis.start, e - axis.start) for (b, e), axis in zip(ends, wide, strict=True)]
    return (wide[0], wide[1], wide[2]), (inner[0], inner[1], inner[2])


class Centers(NamedTuple):
    """Centers of mass of instances, by label, in a hash table.

    Attributes
    ----------
    ids : (N,) array of uint32
        Labels, and 0 in empty places.
    positions : (N, 3) array of float64
        z, y, x in voxels; of no meaning in empty places.
    """

    ids: Labels
    positions: NDArray[np.float64]

    @property
    def found(self) -> NDArray[np.float64]:
        """(I, 3) centers of the instances, by rising label."""
        filled = np.flatnonzero(self.ids)
        return self.positions[filled[np.argsort(self.ids[filled])]]


def find_centers(labels: Labels) -> Centers:
    """Find the center of mass of every instance of (Z, Y, X) labels, which need be neither small nor consecutive."""
    from auxcpvloss.methods import kernels

    ids, sums = kernels.add_up(for_kernels(labels))
    return Centers(ids, sums[:, 1:] / np.maximum(sums[:, :1], 1))


def vectors_to(centers: Centers, labels: Labels, first: Sequence[int]) -> NDArray[np.float32]:
    """Give the vector from each voxel of an instance to its center: (3, Z, Y, X), 0 elsewhere.

    Parameters
    ----------
    centers : Centers
        Of all instances in `labels`.
    labels : (Z, Y, X) array of uint32
    first : (3,) int
        Where the first voxel of `labels` is in the array whose centers were found.
    """
    from auxcpvloss.methods import kernels

    return np.asarray(kernels.point(for_kernels(labels), np.array(first), centers.ids, centers.positions))


def for_kernels(labels: Labels) -> Labels:
    """Copy labels unless they are contiguous and writable, which is what kernels are compiled for."""
    return np.require(labels, np.uint32, ["C", "W"])
