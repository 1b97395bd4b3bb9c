"""The errors of a volume, one by one: what is wrong, where, how large, how crowded it is there, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.measure import regionprops

from auxcpvloss.config.units import Vector
from auxcpvloss.metrics import Comparison, Matching, Mistakes, Overlaps
from auxcpvloss.metrics.detection import VOXELS, Detections
from auxcpvloss.metrics.strata import REACH, crowding, neighbours

Voxel = tuple[int, int, int]
Kind = Literal["false positive", "false negative", "split", "merge"]
Cause = Literal["alone", "outline", "split", "merge"]

ALONE = 0.1
"""A nucleus and a result with an IoU up to this value do not count as the same object."""

SHOWN = 4
"""Maximum number of ids listed; the others are only counted."""


class Why(NamedTuple):
    """Why an instance is wrong, for counting, and in words."""

    cause: Cause
    words: str


@dataclass(frozen=True)
class Case:
    """An error.

    Attributes
    ----------
    center, extent : tuple of int
        A voxel of what is wrong, z, y, x, and the sides of the box around it; 1 for points.
    truth, result : tuple of int
        Ids of the nuclei and results that it is about.
    size : int, optional
        Of what is wrong, in voxels; points have none.
    neighbours : int
        True nuclei around it, see `metrics.neighbours`.
    """

    kind: Kind
    center: Voxel
    extent: Voxel
    truth: tuple[int, ...]
    result: tuple[int, ...]
    size: int | None
    neighbours: int
    why: Why


def cases_of_instances(comparison: Comparison) -> list[Case]:
    """Describe the mistakes of a segmentation."""
    table = comparison.overlaps
    sides = (comparison.truth, table.truth_ids), (comparison.predicted, table.predicted_ids)
    crowds = neighbours(table, comparison.spacing)
    cases = []
    for kind, explained in _explain(table, comparison.matching, comparison.mistakes).items():
        # Which side is wrong.
        is_result = kind in ("false positive", "merge")
        (labels, ids), crowd = sides[is_result], crowds[is_result]
        for one, place in locate(labels, np.array(list(explained), labels.dtype)).items():
            others, why = explained[one]
            nuclei, results = (others, (one,)) if is_result else ((one,), others)
            near = int(crowd[np.searchsorted(ids, one)])
            cases.append(Case(kind, place.center, place.extent, nuclei, results, place.size, near, why))
    return cases


def cases_of_points(
    detections: Detections,
    ids: NDArray[Any],
    sizes: NDArray[Any],
    diameter: float,
    voxel_size: Vector = VOXELS,
) -> list[Case]:
    """Describe the mistakes of a detection.

    Parameters
    ----------
    detections : Detections
    ids, sizes : (T,) arrays of integer
        Of the true nuclei; no sizes, in voxels, if there are no masks.
    diameter : float
        About that of a nucleus, in the unit of the voxel size.
    voxel_size : tuple of float
    """
    sides: list[tuple[Kind, NDArray[np.float64], NDArray[np.bool_], str]] = [
        ("false positive", detections.points, detections.hit, "no unmatched nucleus here"),
        ("false negative", detections.centers, detections.found, "not found by any point"),
    ]
    cases = []
    for kind, places, is_right, words in sides:
        rows = np.flatnonzero(~is_right)
        crowd = crowding(places[rows] * voxel_size, detections.centers * voxel_size, REACH * diameter)
        for row, near in zip(rows.tolist(), crowd.tolist(), strict=True):
            z, y, x = np.floor(places[row] + 0.5).astype(int).tolist()
            is_true = kind == "false negative"
            truth = (int(ids[row]),) if is_true else ()
            size = int(sizes[row]) if is_true and sizes.size else None
            cases.append(Case(kind, (z, y, x), (1, 1, 1), truth, (), size, near, Why("alone", words)))
    return cases


class Place(NamedTuple):
    """The voxel of an instance nearest to its center of mass, which it may not hold, its extent, and its size."""

    center: Voxel
    extent: Voxel
    size: int


def locate(labels: NDArray[Any], wanted: NDArray[Any]) -> dict[int, Place]:
    """Find some instances of a (Z, Y, X) label volume, by rising id; those that are not there are left out."""
    ids = np.unique(wanted)
    places = {}
    numbers, there = np.zeros(labels.shape, np.int32), np.isin(labels, ids)
    numbers[there] = np.searchsorted(ids, labels[there]) + 1
    for region in regionprops(numbers):
        voxels = region.coords
        nearest = voxels[((voxels - voxels.mean(axis=0)) ** 2).sum(axis=1).argmin()]
        extent = np.subtract(region.bbox[3:], region.bbox[:3])
        places[int(ids[region.label - 1])] = Place(tuple(nearest.tolist()), tuple(extent.tolist()), len(voxels))
    return places


Explanation = tuple[tuple[int, ...], Why]
"""Ids of the other side involved in an error, and the cause of the error."""


def _explain(table: Overlaps, matching: Matching, mistakes: Mistakes) -> dict[Kind, dict[int, Explanation]]:
    """Explain the mistakes of each kind, by the id that is wrong."""
    splits, merges = _held(mistakes.splits), _held(mistakes.merges)
    split_of = {piece: nucleus for nucleus, pieces in splits.items() for piece in pieces}
    merge_of = {nucleus: one for one, nuclei in merges.items() for nucleus in nuclei}
    # The last of several partners stays: the one with the greatest IoU.
    pairs = sorted(zip((-table.iou).tolist(), table.truth.tolist(), table.predicted.tolist(), strict=True))[::-1]
    nucleus_of = {result: (-minus_iou, nucleus) for minus_iou, nucleus, result in pairs}
    result_of = {nucleus: (-minus_iou, result) for minus_iou, nucleus, result in pairs}

    def wrong(one: int) -> Explanation:
        if one in merges:
            return merges[one], Why("merge", "it covers several nuclei")
        if nucleus := split_of.get(one):
            return (nucleus,), Why("split", f"a piece of nucleus {nucleus}, which is split")
        return _by_overlap(nucleus_of.get(one), "nucleus", matching.truth)

    def missed(one: int) -> Explanation:
        if one in splits:
            return splits[one], Why("split", "it is split into pieces")
        if merge := merge_of.get(one):
            return (merge,), Why("merge", f"lies in result {merge}, which covers several nuclei")
        return _by_overlap(result_of.get(one), "result", matching.predicted)

    return {
        "false positive": {one: wrong(one) for one in mistakes.false_positives.tolist()},
        "false negative": {one: missed(one) for one in mistakes.false_negatives.tolist()},
        "split": {
            one: (pieces, Why("split", f"split into {len(pieces)} pieces: results {_listed(pieces)}"))
            for one, pieces in splits.items()
        },
        "merge": {
            one: (nuclei, Why("merge", f"covers {len(nuclei)} nuclei: {_listed(nuclei)}"))
            for one, nuclei in merges.items()
        },
    }


def _held(mistakes: Mapping[int, NDArray[Any]]) -> dict[int, tuple[int, ...]]:
    return {int(one): tuple(others.tolist()) for one, others in mistakes.items()}


def _by_overlap(partner: tuple[float, int] | None, what: str, matched: NDArray[Any]) -> Explanation:
    """Explain an unmatched instance by the one of the other side that it overlaps most."""
    if partner is None:
        return (), Why("alone", f"no {what} here")
    iou, best = partner
    is_taken = best in matched
    cause: Cause = "outline" if iou > ALONE and not is_taken else "alone"
    return (best,), Why(cause, f"best IoU {iou:.2f}, with {what} {best}{', which is already matched' * is_taken}")


def _listed(ids: Sequence[int]) -> str:
    more = [f"{len(ids) - SHOWN} more"] if len(ids) > SHOWN else []
    return ", ".join([*map(str, ids[:SHOWN]), *more])
