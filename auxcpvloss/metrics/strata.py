"""Scores of nuclei by their size and by how many others lie near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gamma, pi

import numpy as np
from scipy.spatial import cKDTree

from auxcpvloss.metrics.matching import Matching
from auxcpvloss.metrics.overlap import Indices, Overlaps, Values

SIZES = ("small", "medium", "large")
"""Thirds of the true nuclei of the volume, by number of voxels."""

DENSITIES = ("sparse", "dense", "crowded")
NEIGHBOURS = (2, 6)
"""Up to how many neighbours the first two of them have. Balls side by side have 2 in a row and 6 in a sheet; in the
densest packing there are 18 within `REACH`."""

REACH = 1.5
"""How near the center of a neighbour is, in mean diameters."""


@dataclass(frozen=True)
class Stratum:
    """The scores of a class of nuclei.

    Attributes
    ----------
    num_truth, found : int
        True nuclei of the class, and how many of these are matched.
    num_predicted, right : int
        Predicted instances of the class, and how many of these are matched.
    sum_iou : float
        Sum of the IoU of the true nuclei that are matched.
    """

    num_truth: int = 0
    found: int = 0
    num_predicted: int = 0
    right: int = 0
    sum_iou: float = 0.0

    def __add__(self, other: Stratum) -> Stratum:
        """Pool two volumes."""
        return Stratum(
            self.num_truth + other.num_truth,
            self.found + other.found,
            self.num_predicted + other.num_predicted,
            self.right + other.right,
            self.sum_iou + other.sum_iou,
        )


@dataclass(frozen=True)
class Strata:
    """The classes of a volume, or of several pooled.

    Attributes
    ----------
    edges : tuple of int
        The greatest size or number of neighbours of each class but the last; empty where volumes with other edges are
        pooled, or there is no true nucleus.
    classes : dict of name to Stratum
    """

    edges: tuple[int, ...]
    classes: dict[str, Stratum]

    def __add__(self, other: Strata) -> Strata:
        """Pool two volumes."""
        edges = self.edges if self.edges == other.edges else ()
        return Strata(edges, {name: stratum + other.classes[name] for name, stratum in self.classes.items()})


def by_size(overlaps: Overlaps, matching: Matching) -> Strata:
    """Score small, medium and large nuclei: thirds of the true ones by size, predicted ones by the same edges.

    Parameters
    ----------
    overlaps : Overlaps
    matching : Matching

    Returns
    -------
    Strata
        Edges in voxels: the size of the largest nucleus of the lowest third, and of the lowest two. Without true
        nuclei there are no classes, and nothing is counted.
    """
    if not overlaps.truth_ids.size:
        return Strata((), dict.fromkeys(SIZES, Stratum()))
    # Sizes that occur, so that nothing is interpolated.
    edges = tuple(np.quantile(overlaps.truth_sizes, (1 / 3, 2 / 3), method="inverted_cdf").tolist())
    true, predicted = (np.searchsorted(edges, sizes) for sizes in (overlaps.truth_sizes, overlaps.predicted_sizes))
    return _strata(SIZES, edges, true, predicted, overlaps, matching)


def by_density(overlaps: Overlaps, matching: Matching, spacing: Sequence[float] | None = None) -> Strata:
    """Score nuclei that lie sparse, dense and crowded, by the number of their `neighbours`.

    Parameters
    ----------
    overlaps : Overlaps
    matching : Matching
    spacing : sequence of float, optional
        Size of a voxel along each axis; by default 1.

    Returns
    -------
    Strata
        Edges are numbers of neighbours.
    """
    true, predicted = (np.searchsorted(NEIGHBOURS, numbers) for numbers in neighbours(overlaps, spacing))
    return _strata(DENSITIES, NEIGHBOURS, true, predicted, overlaps, matching)


def neighbours(overlaps: Overlaps, spacing: Sequence[float] | None = None) -> tuple[Indices, Indices]:
    """Count the other true nuclei whose center lies within 1.5 mean diameters of that of a nucleus.

    Parameters
    ----------
    overlaps : Overlaps
    spacing : sequence of float, optional
        Size of a voxel along each axis; by default 1. Distances are measured in space.

    Returns
    -------
    (true, predicted) : (T,) and (R,) arrays of int64
        In the order of ``truth_ids`` and ``predicted_ids``. That of a predicted instance is that of the true nucleus
        whose center is nearest: it tells where in the volume it lies, not whether it is right. 0 where no nucleus is
        true.
    """
    if not overlaps.truth_ids.size:
        return np.zeros(0, np.int64), np.zeros(overlaps.predicted_ids.size, np.int64)
    scale, reach = _scale(overlaps, spacing), REACH * mean_diameter(overlaps, spacing)
    centers = overlaps.truth_centers * scale
    return crowding(centers, centers, reach), crowding(overlaps.predicted_centers * scale, centers, reach)


def crowding(places: Values, centers: Values, reach: float) -> Indices:
    """Count the other centers within `reach` of the center that is nearest to each place.

    Parameters
    ----------
    places, centers : (P, D) and (T, D) arrays of float64
        In space: all axes in the same unit.
    reach : float

    Returns
    -------
    (P,) array of int64
        0 where there is no center.
    """
    if not len(centers):
        return np.zeros(len(places), np.int64)
    # By place, not by name, so that names of labels do not decide between equally near ones.
    tree = cKDTree(centers[np.lexsort(centers.T)])
    others = tree.query_ball_point(tree.data, reach, return_length=True) - 1
    return np.asarray(others[tree.query(places)[1]], np.int64)


def mean_diameter(overlaps: Overlaps, spacing: Sequence[float] | None = None) -> float:
    """Mean diameter of balls (in a volume of one plane: of discs) of the sizes of the true nuclei, as `spacing` has it.

    Axes along which the volume is one voxel long take no part.
    """
    wide = _scale(overlaps, spacing)[np.array(overlaps.shape) > 1]
    n = max(1, wide.size)
    ball = pi ** (n / 2) / gamma(n / 2 + 1)
    # In order of size, so that names of labels do not change the last bit.
    return float(np.mean(2 * (np.sort(overlaps.truth_sizes) * np.prod(wide) / ball) ** (1 / n)))


def _scale(overlaps: Overlaps, spacing: Sequence[float] | None) -> Values:
    return np.ones(len(overlaps.shape)) if spacing is None else np.asarray(spacing, np.float64)


def _strata(
    names: Sequence[str],
    edges: tuple[int, ...],
    true: Indices,
    predicted: Indices,
    overlaps: Overlaps,
    matching: Matching,
) -> Strata:
    """Count the true and predicted instances of each class, given by number."""
    found = true[np.searchsorted(overlaps.truth_ids, matching.truth)]
    right = predicted[np.searchsorted(overlaps.predicted_ids, matching.predicted)]
    counts = [np.bincount(each, minlength=len(names)).tolist() for each in (true, found, predicted, right)]
    sums = np.bincount(found, matching.iou, minlength=len(names)).tolist()
    return Strata(edges, dict(zip(names, map(Stratum, *counts, sums), strict=True)))
