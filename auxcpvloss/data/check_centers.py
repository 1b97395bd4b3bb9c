"""Do annotated centers fit their image, and their masks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.centers import line_numbers
from auxcpvloss.data.misplaced import why_beside, why_dark, why_outside
from auxcpvloss.data.objects import MAX_LABEL, Objects
from auxcpvloss.data.points import are_inside
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lazy import lazily

spatial = lazily("scipy.spatial")

LISTED = 10
CROWDED = 8  # voxels for each point; no nuclei are closer, and memory grows with their number
CLOSE = 0.999  # voxels; of points that are closer, one may be a second click


def check_points(
    file: File, points: NDArray[Any], raw: NDArray[Any], split: str, voxel_size: Sequence[float]
) -> list[str]:
    """Look at points that are all the ground truth that a volume has; gives warnings.

    Raises
    ------
    InputError
        With file and line: a point lies outside the image, or its id is too large; a volume for training has no point;
        there are too many points for centers.
    """
    shape = raw.shape
    if split == "train" and not len(points):
        raise InputError(f"{file}: contains no points; remove the volume from the training volumes")
    voxels = " x ".join(map(str, shape))
    if len(points) > raw.size / CROWDED:
        raise InputError(f"{file}: {len(points)} points in an image of {voxels} voxels; expected one for each nucleus")
    expected = "expected z, y, x in this order, in voxels, counted from 0"
    outside = ~are_inside(points, shape)
    if outside.any() and (reason := why_outside(points, raw, voxel_size)):
        expected += f". All points are inside {reason}"
    _refuse(file, points, outside, f"outside the image of {voxels} voxels; {expected}")
    _refuse(file, points, points[:, 3] > MAX_LABEL, f"the id is too large; expected at most {MAX_LABEL}")
    ids = points[:, 3]
    odd = listing(
        {
            "duplicate ids, so the points are renumbered": _repeated(ids[ids > 0]),
            "points less than one voxel from another point (z y x)": [
                _place(point) for point in points[_are_close(points[:, :3])]
            ],
        }
    )
    return [*odd, *why_dark(points, raw, voxel_size)]


def check_centers(
    file: File, centers: NDArray[Any], labels: NDArray[Any], objects: Objects, voxel_size: Sequence[float]
) -> list[str]:
    """Compare annotated centers with the labels; gives warnings.

    Raises
    ------
    InputError
        With file and line: a center does not say to which label it belongs.
    """
    _refuse(file, centers, centers[:, 3] == 0, "no id; a volume with masks needs the label number of each point")
    ids, numbers = centers[:, 3].astype(np.int64), objects.ids.astype(np.int64)
    known = np.flatnonzero(np.isin(ids, numbers))
    row = np.searchsorted(numbers, ids[known])
    away = (np.abs(centers[known, :3] - objects.centers[row]) > objects.extents[row]).any(axis=1)
    odd = listing(
        {
            "annotated centers outside the image (z, y, x?)": ids[~are_inside(centers, labels.shape)],
            "annotated centers farther from the center of their label than the label is long": ids[known[away]],
            "labels with several annotated centers": _repeated(ids),
            "labels without an annotated center": np.setdiff1d(numbers, ids),
            "annotated centers without a label": np.setdiff1d(ids, numbers),
        }
    )
    return [*why_beside(centers, labels, voxel_size), *odd]


def listing(odd: Mapping[str, Collection[Any]]) -> list[str]:
    """Give a line for each kind of oddity that was found, with the first few."""
    lines = []
    for what, found in odd.items():
        shown = ", ".join(str(one) for one in list(found)[:LISTED])
        if len(found):
            lines.append(f"{what}: {shown}" if len(found) <= LISTED else f"{what}: {shown}, ... ({len(found)} in all)")
    return lines


def _refuse(file: File, centers: NDArray[Any], wrong: NDArray[np.bool_], what: str) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        line, place = line_numbers(file)[rows[0]], _place(centers[rows[0]])
        raise InputError(f"{file}, line {line}: {place}: {what} (affects {len(rows)} of {len(centers)} points)")


def _are_close(places: NDArray[Any]) -> NDArray[np.int64]:
    """Find the points with another one at most `CLOSE` from them, however many are at one place."""
    distinct, which, counts = np.unique(places, axis=0, return_inverse=True, return_counts=True)
    is_close = counts > 1
    if len(distinct) > 1:
        is_close |= spatial.cKDTree(distinct).query(distinct, 2)[0][:, 1] <= CLOSE
    return np.flatnonzero(is_close[which.ravel()])


def _place(center: NDArray[Any]) -> str:
    return " ".join(f"{value:g}" for value in center[:3])


def _repeated(ids: NDArray[Any]) -> list[int]:
    found, counts = np.unique(ids, return_counts=True)
    return [int(number) for number in found[counts > 1]]
