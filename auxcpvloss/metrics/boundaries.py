"""How far boundaries are apart: average surface distance, 95 % Hausdorff distance, boundary F."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auxcpvloss.metrics.average_precision import COUNTS
from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.metric import Metric, Number, Numbers, total, weighted_by
from auxcpvloss.metrics.overlap import Indices
from auxcpvloss.metrics.surfaces import distances

PERCENTILE = 95
TOLERANCE = 1.0
"""How far a boundary voxel may be from the other boundary: voxels along x, and as far in space along z and y."""
PRECISION = Number("precision of the boundary", "higher", weighted_by("boundary.num_pred"))
RECALL = Number("recall of the boundary", "higher", weighted_by("boundary.num_gt"))


def _average(comparison: Comparison) -> Numbers:
    """Give the mean over matched pairs of the ASD of Heimann et al. 2009, over the surface voxels of both."""
    each = [np.concatenate(pair).mean() for pair in comparison.surface_distances]
    return {"average_surface_distance.ASD": float(np.mean(each))} if each else {}


def _hausdorff(comparison: Comparison) -> Numbers:
    """Give the mean over matched pairs of the HD95 of Maier-Hein et al. 2024, after Huttenlocher et al. 1993.

    That of a pair is the greater of two percentiles (interpolated linearly), of the distances there and back.
    """
    each = [max(np.percentile(side, PERCENTILE) for side in pair) for pair in comparison.surface_distances]
    return {"hausdorff.HD95": float(np.mean(each))} if each else {}


AVERAGE_SURFACE_DISTANCE = Metric(
    needs="voxels",
    numbers={"average_surface_distance.ASD": Number("average surface distance", "lower", weighted_by(COUNTS[0]))},
    compute=_average,
    card={
        "ASD": "mean over the pairs matched at t = 0.5 of the mean distance of the surface voxels of both to the "
        "surface of the other, in the unit of the voxel size; left out where nothing matches"
    },
    always=False,
)

HAUSDORFF = Metric(
    needs="voxels",
    numbers={"hausdorff.HD95": Number("Hausdorff distance (95 %)", "lower", weighted_by(COUNTS[0]))},
    compute=_hausdorff,
    card={
        "HD95": "mean over the pairs matched at t = 0.5 of the 95 % Hausdorff distance between their surfaces, in the "
        "unit of the voxel size; left out where nothing matches"
    },
    always=False,
)


def _boundary(comparison: Comparison) -> Numbers:
    """Give the BF of Csurka et al. 2013: harmonic mean of precision and recall of surface voxels of all nuclei."""
    true, predicted = (surface.voxels for surface in comparison.surfaces)
    z, y, x = comparison.spacing

    def part_near(one: Indices, other: Indices) -> float:
        found = np.isfinite(distances(one, other, (z / x, y / x, 1.0), TOLERANCE)).sum()
        return comparison.counts.ratio(int(found), len(one))

    precision, recall = part_near(predicted, true), part_near(true, predicted)
    return {
        "boundary.fscore": _harmonic_mean(precision, recall),
        "boundary.precision": precision,
        "boundary.recall": recall,
        "boundary.num_gt": len(true),
        "boundary.num_pred": len(predicted),
    }


def _harmonic_mean(one: float, other: float) -> float:
    return 2 * one * other / (one + other) if one + other else 0.0


def _pooled(path: str, volumes: Sequence[Numbers]) -> float:
    return _harmonic_mean(PRECISION.pool("boundary.precision", volumes), RECALL.pool("boundary.recall", volumes))


BOUNDARY = Metric(
    needs="voxels",
    numbers={
        "boundary.fscore": Number("F of the boundary", "higher", _pooled),
        "boundary.precision": PRECISION,
        "boundary.recall": RECALL,
        "boundary.num_gt": Number("true boundary voxels", "neither", total),
        "boundary.num_pred": Number("predicted boundary voxels", "neither", total),
    },
    compute=_boundary,
    card={
        "boundary": f"surface voxels of nuclei are right within {TOLERANCE:g} voxel (along x; elsewhere as far in "
        "space) of one of the other side, whichever nucleus that is of; precision of the predicted ones, recall of the "
        "true ones, fscore their harmonic mean"
    },
)
