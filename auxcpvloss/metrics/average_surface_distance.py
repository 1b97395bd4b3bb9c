"""Average symmetric surface distance of matched pairs."""

from __future__ import annotations

import numpy as np

from auxcpvloss.metrics.average_precision import COUNTS
from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.metric import Metric, Number, Numbers, weighted_by


def _compute(comparison: Comparison) -> Numbers:
    """Give the mean over matched pairs of the average symmetric surface distance.

    That of a pair is the mean over the surface voxels of both of their distance to the surface of the other (ASD of
    Heimann et al. 2009).
    """
    each = [np.concatenate(pair).mean() for pair in comparison.surface_distances]
    return {"average_surface_distance.ASD": float(np.mean(each))} if each else {}


AVERAGE_SURFACE_DISTANCE = Metric(
    needs="voxels",
    numbers={"average_surface_distance.ASD": Number("average surface distance", "lower", weighted_by(COUNTS[0]))},
    compute=_compute,
    card={
        "ASD": "mean over the pairs matched at t = 0.5 of the mean distance of the surface voxels of both to the "
        "surface of the other, in the unit of the voxel size; left out where nothing matches"
    },
    always=False,
)
