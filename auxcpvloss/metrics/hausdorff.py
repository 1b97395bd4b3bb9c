"""Hausdorff distance of matched pairs, at the 95th percentile."""

from __future__ import annotations

import numpy as np

from auxcpvloss.metrics.average_precision import COUNTS
from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.metric import Metric, Number, Numbers, weighted_by

PERCENTILE = 95


def _compute(comparison: Comparison) -> Numbers:
    """Give the mean over matched pairs of the 95 % Hausdorff distance.

    That of a pair is the greater one of two percentiles (interpolated linearly): of the distances from the surface
    voxels of one to the surface of the other, and the other way (Huttenlocher et al. 1993; HD95 of Maier-Hein et al.
    2024).
    """
    each = [max(np.percentile(side, PERCENTILE) for side in pair) for pair in comparison.surface_distances]
    return {"hausdorff.HD95": float(np.mean(each))} if each else {}


HAUSDORFF = Metric(
    needs="voxels",
    numbers={"hausdorff.HD95": Number("Hausdorff distance (95 %)", "lower", weighted_by(COUNTS[0]))},
    compute=_compute,
    card={
        "HD95": "mean over the pairs matched at t = 0.5 of the 95 % Hausdorff distance between their surfaces, in the "
        "unit of the voxel size; left out where nothing matches"
    },
    always=False,
)
