"""Scores of nuclei by their size and by how many others lie near."""

from __future__ import annotations

from collections.abc import Sequence
from math import gamma, pi

import numpy as np

from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.detection import VOXELS
from auxcpvloss.metrics.metric import Better, Metric, Number, Numbers, total, weighted_by
from auxcpvloss.metrics.overlap import Indices, Overlaps, Values
from auxcpvloss.system.lazy import lazily

spatial = lazily("scipy.spatial")

SIZES = ("small", "medium", "large")
"""Thirds of the true nuclei of the volume, by number of voxels."""
DENSITIES = ("sparse", "dense", "crowded")
NEIGHBOURS = (2, 6)
"""Maximum number of neighbours in the first two classes. Balls side by side have 2 in a row and 6 in a sheet; in the
densest packing there are 18 within `REACH`."""
REACH = 1.5
"""Maximum distance to the center of a neighbour, in mean diameters."""

CELL: dict[str, tuple[Better, str]] = {
    "num_gt": ("neither", ""),
    "found": ("higher", ""),
    "recall": ("higher", "num_gt"),
    "mean_matched_iou": ("higher", "found"),
    "num_pred": ("neither", ""),
    "right": ("higher", ""),
    "precision": ("higher", "num_pred"),
}
"""Scores of a class: which way is better, and the count of the class that a ratio is divided by."""


def neighbours(overlaps: Overlaps, spacing: tuple[float, ...] = VOXELS) -> tuple[Indices, Indices]:
    """Count the other true nuclei whose center lies within 1.5 mean diameters, in space, of that of a nucleus.

    Gives (T,) and (R,) numbers, in the order of ``truth_ids`` and ``predicted_ids`` of volumes of three axes. A
    predicted instance has the number of the true nucleus whose center is nearest: it tells where the instance lies, not
    whether it is right. 0 where no nucleus is true.
    """
    if not overlaps.truth_ids.size:
        return np.zeros(0, np.int64), np.zeros(overlaps.predicted_ids.size, np.int64)
    reach, centers = REACH * mean_diameter(overlaps, spacing), overlaps.truth_centers * spacing
    return crowding(centers, centers, reach), crowding(overlaps.predicted_centers * spacing, centers, reach)


def crowding(places: Values, centers: Values, reach: float) -> Indices:
    """Count the other ones of (T, 3) centers within `reach` of the center that is nearest to each of (P, 3) places.

    All are in space, in the same unit. Gives (P,) numbers, 0 where there is no center.
    """
    if not len(centers):
        return np.zeros(len(places), np.int64)
    # By place, so that names of labels do not decide between equally near ones.
    tree = spatial.cKDTree(centers[np.lexsort(centers.T)])
    others = tree.query_ball_point(tree.data, reach, return_length=True) - 1
    return np.asarray(others[tree.query(places)[1]], np.int64)


def mean_diameter(overlaps: Overlaps, spacing: tuple[float, ...] = VOXELS) -> float:
    """Mean diameter of balls (in a single plane, of discs) of the sizes of the true nuclei, in the unit of `spacing`.

    Axes along which the volume is one voxel long take no part.
    """
    wide = np.asarray(spacing)[np.array(overlaps.shape) > 1]
    n = max(1, wide.size)
    ball = pi ** (n / 2) / gamma(n / 2 + 1)
    # In order of size, so that names of labels do not change the last bit.
    return float(np.mean(2 * (np.sort(overlaps.truth_sizes) * np.prod(wide) / ball) ** (1 / n)))


def _by_size(comparison: Comparison) -> Numbers:
    """Score thirds of the true nuclei; without true nuclei there are no classes, and nothing is counted."""
    table = comparison.overlaps
    if not table.truth_ids.size:
        return {f"by_size.{name}.{key}": 0 for name in SIZES for key, (_, divisor) in CELL.items() if not divisor}
    # Sizes that occur, so that nothing is interpolated.
    edges = np.quantile(table.truth_sizes, (1 / 3, 2 / 3), method="inverted_cdf").tolist()
    return _classes("by_size", SIZES, edges, (table.truth_sizes, table.predicted_sizes), comparison)


def _by_density(comparison: Comparison) -> Numbers:
    table = comparison.overlaps
    return _classes("by_density", DENSITIES, NEIGHBOURS, neighbours(table, comparison.spacing), comparison)


def _classes(
    at: str, names: Sequence[str], edges: Sequence[int], values: tuple[Indices, Indices], comparison: Comparison
) -> Numbers:
    """Score classes of true and predicted instances by their values; `edges`: the greatest of each but the last."""
    table, matching = comparison.overlaps, comparison.matching
    true, predicted = (np.searchsorted(edges, each) for each in values)
    found = true[np.searchsorted(table.truth_ids, matching.truth)]
    right = predicted[np.searchsorted(table.predicted_ids, matching.predicted)]
    counts = [np.bincount(each, minlength=len(names)).tolist() for each in (true, found, predicted, right)]
    sums: dict[str, list[float]] = dict(zip(("num_gt", "found", "num_pred", "right"), counts, strict=True))
    sums |= {"recall": sums["found"], "precision": sums["right"]}
    sums["mean_matched_iou"] = np.bincount(found, matching.iou, minlength=len(names)).tolist()
    return {f"{at}.edges": list(edges)} | {
        f"{at}.{name}.{key}": sums[key][place] / sums[divisor][place] if divisor else sums[key][place]
        for place, name in enumerate(names)
        for key, (_, divisor) in CELL.items()
        if not divisor or sums[divisor][place]
    }


def _numbers(at: str, names: Sequence[str]) -> dict[str, Number]:
    return {
        f"{at}.{name}.{key}": Number(f"{key} ({name})", better, weighted_by(f"{at}.{name}.{by}") if by else total)
        for name in names
        for key, (better, by) in CELL.items()
    }


BY_SIZE = Metric(
    needs="overlaps",
    numbers=_numbers("by_size", SIZES),
    compute=_by_size,
    card={
        "by_size": "matches at t = 0.5 of the small, medium and large nuclei: thirds of the true ones of each volume, "
        "edges in voxels; predicted instances by their own size, with the same edges"
    },
    always=False,
)

BY_DENSITY = Metric(
    needs="overlaps",
    numbers=_numbers("by_density", DENSITIES),
    compute=_by_density,
    card={
        "by_density": f"matches at t = 0.5 of sparse, dense and crowded nuclei: up to {NEIGHBOURS[0]}, up to "
        f"{NEIGHBOURS[1]}, more true nuclei whose center lies within {REACH} mean diameters (of balls of their volume; "
        "in space); predicted instances by the true nucleus with the nearest center"
    },
    always=False,
)
