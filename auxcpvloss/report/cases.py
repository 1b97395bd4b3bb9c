"""The errors of a volume, one by one: what is wrong, where, how large, how crowded it is there, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.detection import Detections
from auxcpvloss.metrics import Matching, Mistakes, Overlaps
from auxcpvloss.report.crops import VoxelSize
from auxcpvloss.report.locate import locate, mean_diameter, neighbours

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
        True nuclei around it, see `locate.neighbours`.
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
    diameter = mean_diameter(table.truth_sizes, voxel_size)
    partners = {"truth": _partners(table, of_truth=True), "result": _partners(table, of_truth=False)}
    pieces = {int(piece): nucleus for nucleus, held in mistakes.splits.items() for piece in held}
    merged = {int(nucleus): one for one, held in mistakes.merges.items() for nucleus in held}
    matched = {*matching.truth.tolist()}, {*matching.predicted.tolist()}

    def wrong(one: int) -> tuple[tuple[int, ...], Why]:
        if one in mistakes.merges:
            return tuple(mistakes.merges[one].tolist()), Why("merge", "it covers several nuclei")
        if one in pieces:
            return (pieces[one],), Why("split", f"a piece of nucleus {pieces[one]}, which is split")
        return _by_overlap(partners["result"].get(one, []), "nucleus", matched[0])

    def missed(one: int) -> tuple[tuple[int, ...], Why]:
        if one in mistakes.splits:
            return tuple(mistakes.splits[one].tolist()), Why("split", "it falls into pieces")
        if one in merged:
            return (merged[one],), Why("merge", f"lies in result {merged[one]}, which covers several nuclei")
        return _by_overlap(partners["truth"].get(one, []), "result", matched[1])

    def pieces_of(one: int) -> tuple[tuple[int, ...], Why]:
        held = tuple(mistakes.splits[one].tolist())
        return held, Why("split", f"falls into {len(held)} pieces: results {_named(held)}")

    def held_by(one: int) -> tuple[tuple[int, ...], Why]:
        held = tuple(mistakes.merges[one].tolist())
        return held, Why("merge", f"covers {len(held)} nuclei: {_named(held)}")

    def described(kind: Kind, labels: NDArray[Any], ids: Iterable[int], explain: Callable[[int], Any]) -> list[Case]:
        places = locate(labels, np.array(list(ids), dtype=labels.dtype))
        crowd = neighbours(places.anchors, table.truth_centers, voxel_size, diameter)
        cases = []
        for one, at, extent, size, near in zip(*(each.tolist() for each in (*places, crowd)), strict=True):
            others, why = explain(one)
            sides = ((one,), others) if labels is truth else (others, (one,))
            cases.append(Case(kind, tuple(at), tuple(extent), *sides, size, near, why))
        return cases

    return [
        *described("false positive", result, mistakes.false_positives, wrong),
        *described("false negative", truth, mistakes.false_negatives, missed),
        *described("split", truth, mistakes.splits, pieces_of),
        *described("merge", result, mistakes.merges, held_by),
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
        crowd = neighbours(places[rows], detections.centers, voxel_size, diameter)
        for row, near in zip(rows.tolist(), crowd.tolist(), strict=True):
            z, y, x = np.floor(places[row] + 0.5).astype(int).tolist()
            is_true = kind == "false negative"
            truth = (int(ids[row]),) if is_true else ()
            size = int(sizes[row]) if is_true and sizes.size else None
            cases.append(Case(kind, (z, y, x), (1, 1, 1), truth, (), size, near, Why("alone", words)))
    return cases


def _partners(table: Overlaps, of_truth: bool) -> dict[int, list[tuple[float, int]]]:
    """For each instance of one side those of the other that it overlaps with: IoU and id, best first."""
    keys, others = (table.truth, table.predicted) if of_truth else (table.predicted, table.truth)
    found: dict[int, list[tuple[float, int]]] = {}
    for key, other, iou in zip(keys.tolist(), others.tolist(), table.iou.tolist(), strict=True):
        found.setdefault(key, []).append((iou, other))
    return {key: sorted(pairs, key=lambda pair: (-pair[0], pair[1])) for key, pairs in found.items()}


def _by_overlap(partners: list[tuple[float, int]], what: str, matched: set[int]) -> tuple[tuple[int, ...], Why]:
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
