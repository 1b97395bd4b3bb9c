"""The auxiliary task ``edt``: how deep in its nucleus a voxel is."""

from __future__ import annotations

import numpy as np

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.methods.auxiliary.task import Auxiliary
from auxcpvloss.methods.distances import distances_within
from auxcpvloss.methods.instance_geometry import (
    BOUNDARY,
    NO_INSTANCE,
    classes,
    is_thin,
    known_box,
    over_greatest,
    with_margin,
)
from auxcpvloss.methods.method import ALL, KNOWN, Array, Head, Labels, Part


def target(labels: Labels, part: Part = ALL) -> Array:
    """Euclidean distance, in voxels, to the surface of the nucleus, over its maximum in the nucleus.

    The surface is one voxel beyond the boundary voxels, which are the last ones of the nucleus.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        `OUTSIDE` beyond the volume, where there are no boundaries. All of each instance of interest has to be in it,
        and one voxel more.
    part : slices, optional

    Returns
    -------
    (1, Z, Y, X) array of float32
        In 0..1: 1 in the middle of an instance, 0 in the background and beyond the volume. `UNKNOWN` where the nucleus
        may end nearer, or be less deep, since it touches what is not annotated.
    """
    depths = np.zeros(labels.shape, dtype=np.float32)
    if (box := known_box(labels)) is not None:
        known = labels[box]
        classified = classes(known)
        inside = classified > NO_INSTANCE
        # The nearest boundary is the own one. There is none if an instance fills the volume: infinity.
        distances = 1 + distances_within(classified != BOUNDARY)[inside].clip(max=max(labels.shape))
        _, index = np.unique(known[inside], return_inverse=True)
        # One voxel beyond the box may be one that is not annotated.
        wide, inner = with_margin((box[0], box[1], box[2]), 1, labels.shape)
        least, thin = distances, np.zeros(len(distances), bool)
        if (is_ignored := labels[wide] == IGNORED).any():
            boundary = classes(np.where(is_ignored, np.uint32(0), labels[wide]))[inner] == BOUNDARY
            least = 1 + distances_within(~boundary)[inside].clip(max=max(labels.shape))
            thin = is_thin(labels[wide])[inner][inside]
        depths[box][inside] = over_greatest(distances, least, thin, index)
    return depths[part][np.newaxis]


EDT = Auxiliary(
    Head("edt", channels=1, target=target, loss=KNOWN, context=1, whole_instances=True),
)
