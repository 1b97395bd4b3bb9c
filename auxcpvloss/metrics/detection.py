"""How well points agree with the ground truth: which predicted center lies in, or near, which true nucleus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.metrics.counts import Counts
from auxcpvloss.metrics.matching import choose_greedy, choose_optimal
from auxcpvloss.metrics.overlap import Ids, Indices, instance_centers
from auxcpvloss.system.lazy import lazily

spatial = lazily("scipy.spatial")

if TYPE_CHECKING:
    from auxcpvloss.config.tables.results import PointMatching
    from auxcpvloss.config.units import Vector

Points = NDArray[np.float64]
MATCHINGS: tuple[PointMatching, ...] = ("hoefener", "linear", "greedy")
VOXELS = (1.0, 1.0, 1.0)
"""Spacing of cubic voxels."""


class Detections(NamedTuple):
    """(P, 3) predicted points and (T, 3) centers of true nuclei, z, y, x in voxels, and which found each other.

    `hit` says which points are true positives, the others are false positives; `found`, which nuclei are found or need
    not be, the others are false negatives.
    """

    points: Points
    centers: Points
    hit: NDArray[np.bool_]
    found: NDArray[np.bool_]

    @property
    def counts(self) -> Counts:
        """Numbers of true positives, false positives and false negatives."""
        return Counts(tp=int(self.hit.sum()), fp=int((~self.hit).sum()), fn=int((~self.found).sum()))


def centers_of_mass(labels: NDArray[Any]) -> Points:
    """Give the (N, 3) centers of mass of every label: those of `centers_by_label`, in the memory of a slab."""
    return instance_centers(labels)[1]


def match_points(
    points: Points,
    truth: NDArray[Any],
    matching: PointMatching = "hoefener",
    distance_limit: float = 10.0,
    spacing: Vector = VOXELS,
    nuclei: tuple[Ids, Points] | None = None,
) -> Detections:
    """Match (P, 3) predicted points and true nuclei one to one.

    Parameters
    ----------
    points, truth : arrays
        The truth is (Z, Y, X) labels, 0 is background, or (T, 3) center points. Points are z, y, x in voxels.
    matching : {"hoefener", "linear", "greedy"}
        "hoefener" (Hirsch & Kainmueller 2020, section 3, after Hoefener et al. 2018): a point finds the nucleus whose
        label it lies in. Of several points in a label the first one counts. A point lies in the voxel that it rounds
        to, halves upwards; one outside the volume lies in no label. Without masks a point belongs to the nearest
        center (the first of equally near ones) if that is within `distance_limit`.
        "linear": to the centers (of mass, where the truth is labels), as many pairs as possible, and among such
        matchings the least sum of distances. "greedy": the nearest pair first; of equally near ones the one of the
        first point, then of the first center.
    distance_limit : float
        Points and centers farther apart do not match; in voxels along x. Not used by "hoefener" with labels.
    spacing : tuple of float
        Size of a voxel along z, y, x. Distances are measured in space, in units of the size along x.
    nuclei : (T,) array of ids and (T, 3) array of their centers, optional
        What `instance_centers` gives for the labels, where that is known already.
    """
    has_masks = truth.ndim == 3
    ids, centers = nuclei or (instance_centers(truth) if has_masks else (np.arange(len(truth)), truth))
    if matching == "hoefener" and has_masks:
        labels = _labels_at(points, truth)
        point = _first_of_each(labels, np.flatnonzero(labels > 0))
        nucleus = np.searchsorted(ids, labels[point])
    else:
        point, nucleus, distance = _near(points, centers, distance_limit, spacing)
        if matching == "hoefener":
            nearest = _first_of_each(point, np.lexsort((distance, point)))
            chosen = _first_of_each(nucleus, nearest)
        else:
            choose = choose_optimal if matching == "linear" else choose_greedy
            chosen = choose(point, nucleus, 1 - distance / distance_limit)
        point, nucleus = point[chosen], nucleus[chosen]
    hit, found = np.zeros(len(points), bool), np.zeros(len(centers), bool)
    hit[point] = True
    found[nucleus] = True
    return Detections(points, centers, hit, found)


def within(points: Points, centers: Points, distance_limit: float, spacing: Vector = VOXELS) -> NDArray[np.bool_]:
    """Tell which points lie within `distance_limit` of any of the centers: (P,) array of bool."""
    return np.isin(np.arange(len(points)), _near(points, centers, distance_limit, spacing)[0])


def _labels_at(points: Points, labels: NDArray[Any]) -> NDArray[Any]:
    """Label of the voxel that each point rounds to; 0 outside the volume."""
    voxels = np.floor(np.asarray(points, np.float64).reshape(-1, 3) + 0.5).astype(np.int64)
    is_inside = np.all((voxels >= 0) & (voxels < labels.shape), axis=1)
    found = np.zeros(len(voxels), labels.dtype)
    found[is_inside] = labels[tuple(voxels[is_inside].T)]
    return found


def _near(points: Points, centers: Points, distance_limit: float, spacing: Vector) -> tuple[Indices, Indices, Points]:
    """List all pairs that are near enough, by point, then center: indices of both, and their distances."""
    scale = np.divide(spacing, spacing[-1])
    trees = [spatial.cKDTree(np.asarray(places, np.float64).reshape(-1, 3) * scale) for places in (points, centers)]
    pairs = trees[0].sparse_distance_matrix(trees[1], distance_limit, output_type="ndarray")
    pairs = pairs[np.lexsort((pairs["j"], pairs["i"]))]
    return pairs["i"], pairs["j"], pairs["v"]


def _first_of_each(values: NDArray[Any], order: Indices) -> Indices:
    """Of indices into some values, in an order, keep the first one of each value."""
    return order[np.unique(values[order], return_index=True)[1]]
