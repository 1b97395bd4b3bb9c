"""What of a result is not scored, because nobody annotated the ground truth there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.metrics.detection import Detections
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")

RULE = (
    "voxels that are not annotated; predicted instances that lie mostly there, unless most of the rest is in true "
    "nuclei (with center points: predicted centers there that find no point); for methods that find points, nuclei "
    "that reach there and are not found"
)
"""In words."""


def scored_instances(predicted: NDArray[Any], truth: NDArray[Any], ignored: NDArray[np.bool_]) -> NDArray[Any]:
    """Give the instances as far as they are scored.

    Voxels that are not annotated become background. An instance of which more than half lies there is dropped, unless
    more than half of the rest lies in true nuclei: it may be wrong about the rest only because it is right beyond.

    Parameters
    ----------
    predicted, truth : (Z, Y, X) arrays of integer
        0 is background; the truth is 0 where it is not annotated.
    ignored : (Z, Y, X) array of bool
    """
    voxels = np.flatnonzero(predicted)
    ids, index, sizes = np.unique(predicted.reshape(-1)[voxels], return_inverse=True, return_counts=True)
    beyond, right = (
        np.bincount(index, weights=where.reshape(-1)[voxels], minlength=len(ids)) for where in (ignored, truth > 0)
    )
    dropped = ids[(2 * beyond > sizes) & (2 * right <= sizes - beyond)]
    return np.where(ignored | np.isin(predicted, dropped), predicted.dtype.type(0), predicted)


def cut_nuclei(truth: NDArray[Any], ignored: NDArray[np.bool_]) -> NDArray[Any]:
    """Give the ids of the true nuclei, (Z, Y, X) labels, that touch what is not annotated."""
    near = ndimage.binary_dilation(ignored, np.ones((3, 3, 3), bool))
    return np.unique(truth[near & (truth > 0)])


def scored_points(detections: Detections, ignored: NDArray[np.bool_]) -> Detections:
    """Drop predicted points that lie where nothing is annotated and find no true point."""
    places = np.floor(detections.points + 0.5).astype(np.int64)
    counts = detections.hit | ~ignored[tuple(places.T)]
    return detections._replace(points=detections.points[counts], hit=detections.hit[counts])
