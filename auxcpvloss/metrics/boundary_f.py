"""Boundary F: how much of the boundaries of all nuclei lies where it should."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.metric import Metric, Number, Numbers, total, weighted_by
from auxcpvloss.metrics.surfaces import distances

TOLERANCE = 1.0
"""Maximum distance to the other boundary, in voxels along x; the same physical distance along z and y."""
PRECISION = Number("precision of the boundary", "higher", weighted_by("boundary.num_pred"))
RECALL = Number("recall of the boundary", "higher", weighted_by("boundary.num_gt"))


def _compute(comparison: Comparison) -> Numbers:
    """Give the BF of Csurka et al. 2013, of surface voxels of nuclei, whichever nucleus they are of.

    Precision is the part of the predicted boundary voxels that are within the tolerance of a true one, recall the part
    of the true ones that are within it of a predicted one; F is their harmonic mean.
    """
    true, predicted = (surface.voxels for surface in comparison.surfaces)
    z, y, x = comparison.spacing

    def near(one: np.ndarray, other: np.ndarray) -> float:
        found = np.isfinite(distances(one, other, (z / x, y / x, 1.0), TOLERANCE)).sum()
        return comparison.counts.ratio(int(found), len(one))

    precision, recall = near(predicted, true), near(true, predicted)
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
    compute=_compute,
    card={
        "boundary": f"a surface voxel is correct within {TOLERANCE:g} voxel (along x; the same physical distance along "
        "z and y) of a surface voxel of the other side, of any nucleus; precision of the predicted ones, recall of the "
        "true ones, fscore their harmonic mean"
    },
)
