"""How far the surfaces of matched pairs are apart: average symmetric surface distance, and 95 % Hausdorff distance."""

from __future__ import annotations

import numpy as np

from auxcpvloss.metrics.average_precision import COUNTS
from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.metric import Metric, Number, Numbers, weighted_by

PERCENTILE = 95


def _average(comparison: Comparison) -> Numbers:
    """Give the mean over matched pairs of the average symmetric surface distance.

    That of a pair is the mean over the surface voxels of both of their distance to the surface of the other (ASD of
    Heimann et al. 2009).
    """
    each = [np.concatenate(pair).mean() for pair in comparison.surface_distances]
    return {"average_surface_distance.ASD": float(np.mean(each))} if each else {}


def _hausdorff(comparison: Comparison) -> Numbers:
    """Give the mean over matched pairs of the 95 % Hausdorff distance.

    That of a pair is the greater of two percentiles (interpolated linearly): of the distances from the surface voxels
    of one to the surface of the other, and back (Huttenlocher et al. 1993; HD95 of Maier-Hein et al. 2024).
    """
    each = [max(np.percentile(side, PERCENTILE) for side in pair) for pair in comparison.surface_distances]
    return {"hausdorff.HD95": float(np.mean(each))} if each else {}


AVERAGE_SURFACE_DISTANCE = Metric(
    needs="voxels",
    numbers={"average_surface_distance.ASD": Number("average surface distance", "lower", weighted_by(COUNTS[0]))},
    compute=_average,
    card={
        "ASD": "mean over the pairs matched at t = 0.5 of the mean distance of the surface voxels of both to the "
        "surface of the other, in the unit of the voxel size; omitted if nothing matches"
    },
    always=False,
)

HAUSDORFF = Metric(
    needs="voxels",
    numbers={"hausdorff.HD95": Number("Hausdorff distance (95 %)", "lower", weighted_by(COUNTS[0]))},
    compute=_hausdorff,
    card={
        "HD95": "mean over the pairs matched at t = 0.5 of the 95 % Hausdorff distance between their surfaces, in the "
        "unit of the voxel size; omitted if nothing matches"
    },
    always=False,
)
