"""The errors of a volume, one by one: what is wrong, where, how large, how crowded it is there, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.looking.report.crops import VoxelSize
from auxcpvloss.looking.report.locate import locate
from auxcpvloss.metrics import Matching, Mistakes, Overlaps
from auxcpvloss.metrics.detection import Detections
from auxcpvloss.metrics.strata import REACH, crowding, neighbours

Kind = Literal["false positive", "false negative", "split", "merge"]
Cause = Literal["alone", "outline", "split", "merge"]

ALONE = 0.1
"""A nucleus and a result that overlap with an IoU of at most this are not taken for one another."""

SHOWN = 4
"""Ids that are named; of more there is the number."""


class Why(NamedTuple):
    """Why an instance is wrong, for counting, and in words."""

    cause: Cause
    words: str


@dataclass(frozen=True)
class Case:
    """An error.

    Attributes
    ----------
    kind : {"false positive", "false negative", "split", "merge"}
    center : tuple of int
        A voxel of what is wrong: z, y, x.
    extent : tuple of int
        Sides of the box around it, in voxels; 1 for points.
    truth, result : tuple of int
        Ids of the nuclei and results that it is about.
    size : int, optional
        Of what is wrong, in voxels; points have none.
    neighbours : int
        True nuclei around it, see `metrics.neighbours`.
    why : Why
    """

    kind: Kind
    center: tuple[int, int, int]
    extent: tuple[int, int, int]
    truth: tuple[int, ...]
    result: tuple[int, ...]
    size: int | None
    neighbours: int
    why: Why


def cases_of_instances(
    truth: NDArray[Any],
    result: NDArray[Any],
    table: Overlaps,
    matching: Matching,
    mistakes: Mistakes,
    voxel_size: VoxelSize = (1.0, 1.0, 1.0),
) -> list[Case]:
    """Describe the mistakes of a segmentation.

    Parameters
    ----------
    truth, result : (Z, Y, X) arrays of integer
    table, matching, mistakes : of these two, see `metrics`
    voxel_size : size of a voxel along z, y and x
    """
    explained = _Explained(table, matching, mistakes)
    around = neighbours(table, voxel_size)
    # The side that is wrong: its labels, ids, and how crowded it is there.
    nuclei = _Side(True, truth, table.truth_ids, around[0])
    results = _Side(False, result, table.predicted_ids, around[1])
    return [
        *_describe("false positive", results, mistakes.false_positives, explained.wrong),
        *_describe("false negative", nuclei, mistakes.false_negatives, explained.missed),
        *_describe("split", nuclei, mistakes.splits, explained.split),
        *_describe("merge", results, mistakes.merges, explained.merge),
    ]


def cases_of_points(
    detections: Detections,
    ids: NDArray[Any],
    sizes: NDArray[Any],
    diameter: float,
    voxel_size: VoxelSize = (1.0, 1.0, 1.0),
) -> list[Case]:
    """Describe the mistakes of a detection.

    Parameters
    ----------
    detections : Detections
    ids, sizes : (T,) arrays of integer
        Of the true nuclei; no sizes, in voxels, where there are no masks.
    diameter : float
        About that of a nucleus, in the unit of the voxel size.
    voxel_size : size of a voxel along z, y and x
    """
    sides: list[tuple[Kind, NDArray[np.float64], NDArray[np.bool_], str]] = [
        ("false positive", detections.points, detections.hit, "no nucleus here that is not found already"),
        ("false negative", detections.centers, detections.found, "no point found it"),
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


class _Side(NamedTuple):
    is_truth: bool
    labels: NDArray[Any]
    ids: NDArray[Any]
    neighbours: NDArray[np.int64]


Explanation = tuple[tuple[int, ...], Why]
"""The ids of the other side that an error has to do with, and why."""


def _describe(kind: Kind, side: _Side, wrong: Iterable[int], explain: Callable[[int], Explanation]) -> list[Case]:
    places = locate(side.labels, np.array(list(wrong), dtype=side.labels.dtype))
    around = side.neighbours[np.searchsorted(side.ids, places.ids)]
    cases = []
    for one, at, extent, size, near in zip(*(each.tolist() for each in (*places, around)), strict=True):
        others, why = explain(one)
        truth, result = ((one,), others) if side.is_truth else (others, (one,))
        cases.append(Case(kind, tuple(at), tuple(extent), truth, result, size, near, why))
    return cases


class _Explained:
    """Why instances are wrong, by id."""

    def __init__(self, table: Overlaps, matching: Matching, mistakes: Mistakes) -> None:
        self._splits = {nucleus: tuple(held.tolist()) for nucleus, held in mistakes.splits.items()}
        self._merges = {one: tuple(held.tolist()) for one, held in mistakes.merges.items()}
        self._nucleus_of = {piece: nucleus for nucleus, pieces in self._splits.items() for piece in pieces}
        self._merge_of = {nucleus: one for one, nuclei in self._merges.items() for nucleus in nuclei}
        self._nuclei_of, self._results_of = _partners(table)
        self._matched = set(matching.truth.tolist()), set(matching.predicted.tolist())

    def wrong(self, one: int) -> Explanation:
        if one in self._merges:
            return self._merges[one], Why("merge", "it covers several nuclei")
        if nucleus := self._nucleus_of.get(one):
            return (nucleus,), Why("split", f"a piece of nucleus {nucleus}, which is split")
        return _by_overlap(self._nuclei_of.get(one, []), "nucleus", self._matched[0])

    def missed(self, one: int) -> Explanation:
        if one in self._splits:
            return self._splits[one], Why("split", "it falls into pieces")
        if merge := self._merge_of.get(one):
            return (merge,), Why("merge", f"lies in result {merge}, which covers several nuclei")
        return _by_overlap(self._results_of.get(one, []), "result", self._matched[1])

    def split(self, one: int) -> Explanation:
        pieces = self._splits[one]
        return pieces, Why("split", f"falls into {len(pieces)} pieces: results {_named(pieces)}")

    def merge(self, one: int) -> Explanation:
        nuclei = self._merges[one]
        return nuclei, Why("merge", f"covers {len(nuclei)} nuclei: {_named(nuclei)}")


Partners = dict[int, list[tuple[float, int]]]
"""For each instance of one side those of the other that it overlaps with: IoU and id, best first."""


def _partners(table: Overlaps) -> tuple[Partners, Partners]:
    """Give those of results, and those of nuclei."""
    of_results: Partners = {}
    of_nuclei: Partners = {}
    pairs = sorted(zip((-table.iou).tolist(), table.truth.tolist(), table.predicted.tolist(), strict=True))
    for minus_iou, nucleus, result in pairs:
        of_results.setdefault(result, []).append((-minus_iou, nucleus))
        of_nuclei.setdefault(nucleus, []).append((-minus_iou, result))
    return of_results, of_nuclei


def _by_overlap(partners: list[tuple[float, int]], what: str, matched: set[int]) -> Explanation:
    """Explain an instance that nothing matches by the one of the other side that it overlaps with most."""
    if not partners:
        return (), Why("alone", f"no {what} here")
    iou, best = partners[0]
    taken = ", which has its match" if best in matched else ""
    cause: Cause = "outline" if iou > ALONE and best not in matched else "alone"
    return (best,), Why(cause, f"best IoU {iou:.2f}, with {what} {best}{taken}")


def _named(ids: tuple[int, ...]) -> str:
    more = [f"{len(ids) - SHOWN} more"] if len(ids) > SHOWN else []
    return ", ".join([*map(str, ids[:SHOWN]), *more])
