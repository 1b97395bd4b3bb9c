"""A volume with all that there is to see of it in a viewer: what was found, and what is wrong with it, by kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.units import Space
from auxcpvloss.data.centers_of_mass import Centers, centers_by_label
from auxcpvloss.data.points import paint_balls
from auxcpvloss.metrics import Comparison
from auxcpvloss.metrics.detection import Points

RED, YELLOW, MAGENTA, ORANGE = "#ff0000", "#ffff00", "#ff00ff", "#ff8000"


class Errors(NamedTuple):
    """Errors of one kind, to be shown in a color, ``#rrggbb``: (N, 3) places, z, y, x in voxels, and a text for each.

    `ids` are the labels that are wrong, in `volume`; None where points are compared.
    """

    name: str
    color: str
    points: Points
    texts: tuple[str, ...]
    volume: NDArray[Any] | None = None
    ids: NDArray[Any] = np.empty(0, np.int64)

    @property
    def labels(self) -> NDArray[Any] | None:
        """A volume of the labels of these errors alone."""
        return None if self.volume is None else np.where(np.isin(self.volume, self.ids), self.volume, 0)


@dataclass(frozen=True, eq=False)
class Scene:
    """A volume: raw data, ground truth if there is any, result and errors of each kind, (Z, Y, X) arrays in space.

    What was found are instances; if `is_points`, of one voxel each.
    """

    name: str
    raw: NDArray[Any]
    found: NDArray[Any]
    is_points: bool
    truth: NDArray[Any] | None
    errors: tuple[Errors, ...]
    space: Space

    @property
    def centers(self) -> Centers:
        """Centers of mass of the instances."""
        return centers_by_label(self.found)

    def labels(self) -> dict[str, NDArray[Any]]:
        """Give the labels to show, by name, instances first; points as small balls, since nobody would see a voxel."""
        shown = {"instances": self.found}
        if self.is_points:
            points = np.column_stack([self.centers.positions, self.centers.ids])
            shown = {"points": paint_balls(points, self.found.shape)}
        return shown if self.truth is None else {**shown, "truth": self.truth}

    def intensities(self) -> tuple[float, float]:
        """Give the intensities to show as black and white: percentiles 1 and 99.8."""
        low, high = (float(value) for value in np.percentile(self.raw, (1, 99.8)))
        return (low, high) if low < high else (low, low + 1)


def errors_of_labels(comparison: Comparison) -> list[Errors]:
    """Give false positives, false negatives, splits (of true nuclei) and merges, at an IoU of 0.5."""
    table, mistakes = comparison.overlaps, comparison.mistakes
    found = (comparison.predicted, table.predicted_ids, table.predicted_centers)
    true = (comparison.truth, table.truth_ids, table.truth_centers)

    def errors(
        name: str, color: str, side: tuple[NDArray[Any], NDArray[Any], Points], texts: Mapping[int, str]
    ) -> Errors:
        labels, ids, centers = side
        chosen = np.isin(ids, list(texts))
        return Errors(name, color, centers[chosen], tuple(texts[int(i)] for i in ids[chosen]), labels, ids[chosen])

    return [
        errors("false positives", RED, found, {i: f"instance {i}" for i in mistakes.false_positives}),
        errors("false negatives", YELLOW, true, {i: f"nucleus {i}" for i in mistakes.false_negatives}),
        errors("splits", MAGENTA, true, _parts("nucleus", "instances", mistakes.splits)),
        errors("merges", ORANGE, found, _parts("instance", "nuclei", mistakes.merges)),
    ]


def errors_of_points(comparison: Comparison) -> list[Errors]:
    """Give the points that are wrong and the nuclei that were missed."""
    detections = comparison.detections
    wrong, missed = detections.points[~detections.hit], detections.centers[~detections.found]
    return [
        Errors("false positives", RED, wrong, ("wrong",) * len(wrong)),
        Errors("false negatives", YELLOW, missed, ("missed",) * len(missed)),
    ]


def _parts(whole: str, parts: str, held: Mapping[int, Iterable[Any]]) -> dict[int, str]:
    return {i: f"{whole} {i}: {parts} {' '.join(map(str, others))}" for i, others in held.items()}
