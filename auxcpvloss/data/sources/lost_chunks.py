"""Chunks that are not stored: writers may leave out those of the fill value alone, and what was lost looks the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.system.errors import InputError

ADVICE = "copy the array again. If nothing was lost, set data.fill_chunks = true"
PLANES, AT_ITS_WIDEST, PART = 3, 0.8, 0.3
"""A label does not end by itself whose last plane has so much of the largest area of the last planes, unless it is the
smaller part of a label that goes on beside it. On generated worms 1 of 50 volumes without empty chunks is refused so,
and 9 of 10 lost chunks are noticed."""


def missing(stored: NDArray[np.bool_]) -> str:
    """Say how many chunks are not stored, and which is the first; "" where all are."""
    places = np.argwhere(~stored)
    if not len(places):
        return ""
    return f"{len(places):,} of {stored.size:,} chunks are not stored, the first at {places[0].tolist()}"


def check_image(origin: object, stored: NDArray[np.bool_]) -> None:
    """Refuse an image of which a chunk is not stored: even a dark background is seldom of one value."""
    if found := missing(stored):
        raise InputError(
            f"{origin}: {found} (z, y, x). They would be read as zeros: {ADVICE}, as writers may leave out chunks that "
            "hold only the fill value"
        )


def check_labels(
    origin: object, labels: NDArray[Any], stored: NDArray[np.bool_], chunks: tuple[int, int, int], fill: Any
) -> None:
    """Refuse labels that lost a chunk; those without a chunk in the background are as their writer left them.

    Parameters
    ----------
    origin : object
    labels : (Z, Y, X) array
        Read with `fill` for what is not stored.
    stored : (Z, Y, X) array of bool
        Which chunks are.
    chunks : tuple of int
        Their shape.
    fill : number
    """
    found = missing(stored)
    if found and (reason := _reason(labels, stored, chunks, fill)):
        raise InputError(f"{origin}: {found} (z, y, x), and {reason}: {ADVICE}")


def _reason(labels: NDArray[Any], stored: NDArray[np.bool_], chunks: tuple[int, int, int], fill: Any) -> str:
    """Say why it seems that chunks were lost; "" if nothing speaks for it."""
    if not stored.any():
        return "these are all"
    if fill != 0:
        return f"the fill value {fill} is no background"
    used = labels != 0
    for axis, chunk in enumerate(chunks):
        used = np.logical_or.reduceat(used, range(0, used.shape[axis], chunk), axis)
    if (empty := np.argwhere(stored & ~used)).size:
        return f"others that hold only zeros are, such as the one at {empty[0].tolist()}"
    for axis, chunk in enumerate(chunks):
        sides = [side for other, side in enumerate(chunks) if other != axis]
        ends = _ends(np.moveaxis(labels, axis, 0), np.moveaxis(stored, axis, 0), chunk, sides)
        if label := next((label for planes, last in ends if (label := _cut(planes, last))), 0):
            return f"label {label} ends abruptly at one of them"
    return ""


def _ends(
    labels: NDArray[Any], stored: NDArray[np.bool_], chunk: int, sides: Sequence[int]
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Give the last planes, the last first, of what ends at missing chunks along the first axis; and all of it."""
    for number in range(1, len(stored)):
        first = number * chunk
        for here, there, planes in (
            (number - 1, number, labels[max(0, first - PLANES) : first][::-1]),
            (number, number - 1, labels[first : first + PLANES]),
        ):
            ends = stored[here] & ~stored[there]
            if ends.any():
                voxels = ends.repeat(sides[0], 0).repeat(sides[1], 1)[: labels.shape[1], : labels.shape[2]]
                yield planes[:, voxels], planes[0]


def _cut(planes: NDArray[Any], last: NDArray[Any]) -> int:
    """Find a label that is widest where it ends; 0 if there is none. A corner of one that goes on elsewhere is none."""
    if len(planes) < PLANES:
        return 0
    ids, numbers = np.unique(planes, return_inverse=True)
    rows = np.arange(PLANES)[:, np.newaxis] * len(ids)
    areas = np.bincount((numbers.reshape(planes.shape) + rows).ravel(), minlength=PLANES * len(ids))
    areas = areas.reshape(PLANES, len(ids))
    cut = (ids != 0) & (areas > 0).all(axis=0) & (areas[0] >= AT_ITS_WIDEST * areas.max(axis=0))
    large = [label for label, area in zip(ids[cut], areas[0][cut], strict=True) if area >= PART * (last == label).sum()]
    return int(large[0]) if large else 0
