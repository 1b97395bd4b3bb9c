"""Parts of a volume that nobody annotated: there nothing is learned, and nothing is scored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.data.points import voxels_of
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")

IGNORED = np.uint32(0xFFFFFFFE)
"""Label of voxels that were not annotated, in the ground truth of a sample."""

CELL = 32
"""Sides, in voxels, of the parts of a volume in each of which `annotated_boxes` finds a box."""

Mask = NDArray[np.bool_]


class Annotated(NamedTuple):
    """Labels and centers as far as they are annotated, and where nothing is (None: everything is annotated)."""

    labels: NDArray[Any] | None
    centers: NDArray[np.float64] | None
    ignored: Mask | None


def set_apart(
    labels: NDArray[Any] | None, centers: NDArray[Any] | None, shape: tuple[int, ...], data: Data
) -> Annotated:
    """Tell what is annotated from what is not.

    Not annotated are the voxels labelled ``data.ignore_label`` and, with ``data.annotated_box``, those beyond the box
    around all nuclei or center points. Labels that hold no nucleus beside center points say only what is not annotated:
    the points are the ground truth then.

    Parameters
    ----------
    labels : array, optional
        As stored, of any type.
    centers : (N, 4) array, optional
        z, y, x in voxels and the id. All are given back; see `drop_ignored`.
    shape : (Z, Y, X)
        Of the image. Labels of another shape are left as they are.
    data : Data
    """
    ignored = None
    if labels is not None and labels.shape == shape and data.ignore_label:
        there = labels == data.ignore_label
        if there.any():
            ignored, labels = there, np.where(there, labels.dtype.type(0), labels)
            if centers is not None and not labels.any():
                labels = None
    if data.annotated_box and (labels is None or labels.shape == shape):
        box = _box_of(labels, centers, shape)
        if box is not None:
            beyond = np.ones(shape, bool)
            beyond[box] = False
            ignored = beyond if ignored is None else beyond | ignored
    return Annotated(labels, centers, ignored if ignored is not None and ignored.any() else None)


def _box_of(labels: NDArray[Any] | None, centers: NDArray[Any] | None, shape: tuple[int, ...]) -> Any:
    if labels is not None:
        return next(iter(ndimage.find_objects((labels != 0).view(np.int8))), None)
    if centers is None or not len(centers):
        return None
    places = voxels_of(centers, shape)
    return tuple(slice(first, last + 1) for first, last in zip(places.min(0), places.max(0), strict=True))


def drop_ignored(centers: NDArray[np.float64], ignored: Mask) -> NDArray[np.float64]:
    """Drop the centers that lie where nothing is annotated."""
    return centers[~ignored[tuple(voxels_of(centers, ignored.shape).T)]]


def without_ignored(labels: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Give the ground truth of a sample with background where it is not annotated."""
    return np.where(labels == IGNORED, np.uint32(0), labels)


def annotated_boxes(truth: Any, padding: tuple[int, int, int] = (0, 0, 0)) -> NDArray[np.int64]:
    """Find where the annotated voxels of a ground truth lie, reading a part of it at a time.

    Parameters
    ----------
    truth : (Z, Y, X) volume or array of uint32
    padding : (z, y, x)
        Voxels at either end that were added; they do not count.

    Returns
    -------
    (N, 2, 3) array
        Boxes: their first voxel, and the one after their last; of each cell of `CELL` voxels a side that holds any.
    """
    begin, end = padding, np.subtract(truth.shape, padding)
    boxes = [
        box
        for first in range(begin[0], end[0], CELL)
        for box in _in_slab(
            truth[first : min(first + CELL, end[0]), begin[1] : end[1], begin[2] : end[2]], (first, *begin[1:])
        )
    ]
    return np.array(boxes, np.int64).reshape(-1, 2, 3)


def _in_slab(slab: NDArray[np.uint32], first: tuple[int, int, int]) -> Iterator[NDArray[np.int64]]:
    known = slab != IGNORED
    for y in range(0, slab.shape[1], CELL):
        for x in range(0, slab.shape[2], CELL):
            cell = known[:, y : y + CELL, x : x + CELL]
            for box in ndimage.find_objects(cell.view(np.int8)):
                begin, end = [axis.start for axis in box], [axis.stop for axis in box]
                yield np.array([begin, end], np.int64) + np.add(first, (0, y, x))
