"""Ground truth of a volume: labels, or the balls of its points."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.centers import numbered
from auxcpvloss.data.content import Content
from auxcpvloss.data.objects import measure
from auxcpvloss.data.points import paint_balls

LABELS = "volumes/gt_labels"
POINTS = "volumes/gt_points"


class Truth(NamedTuple):
    """Ground truth of a volume, as it is stored in a sample.

    Attributes
    ----------
    key : str
        `LABELS`, or `POINTS` where there are no labels.
    labels : (Z, Y, X) array of uint32
        Instances, or a small ball around every point; 0 elsewhere.
    centers : (N, 4) array of float64
        z, y, x in voxels and the id: as annotated, else centers of mass.
    max_extent : tuple
        Largest extent of an instance or ball along z, y, x, in voxels.
    """

    key: str
    labels: NDArray[np.uint32]
    centers: NDArray[np.float64]
    max_extent: tuple[int, int, int]


def truth_of(content: Content) -> Truth | None:
    """Give the ground truth of a volume; None where there is none."""
    labels, centers = content.labels, content.centers
    if labels is not None:
        key, labels = LABELS, labels.astype(np.uint32)
    elif centers is not None:
        centers = numbered(centers)
        key, labels = POINTS, paint_balls(centers, content.raw.shape)
    else:
        return None
    objects = content.objects or measure(labels)
    if centers is None:
        centers = np.column_stack([objects.centers, objects.ids])
    z, y, x = objects.extents.max(axis=0, initial=0).tolist()
    return Truth(key, labels, centers, (z, y, x))
