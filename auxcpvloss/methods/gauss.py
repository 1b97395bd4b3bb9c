"""Detection: a Gaussian blob around the center of every nucleus (Höfener et al. 2018)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from auxcpvloss.methods.instance_geometry import find_centers
from auxcpvloss.methods.method import ALL, Array, Head, Labels, Method, Params, Part, Prediction
from auxcpvloss.segmentation.measure import mean_within
from auxcpvloss.segmentation.peaks import local_maxima

SIGMA = 2.0
"""Standard deviation of the blobs, in voxels."""

REACH = 10
"""Distance in voxels beyond which a blob counts as 0; there it is exp(-12.5) = 4e-6."""


def target(labels: Labels, part: Part = ALL) -> Array:
    """exp(-d^2 / (2 sigma^2)) of the distance d, in voxels, to the nearest center of an instance.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        Nuclei, or marks around annotated points; the center is the center of mass of what is in the array.
    part : slices, optional

    Returns
    -------
    (1, Z, Y, X) array of float32
        In 0..1.
    """
    begin, end = np.array([axis.indices(size)[:2] for axis, size in zip(part, labels.shape, strict=True)]).T
    blobs = np.zeros(end - begin, dtype=np.float32)
    for center in find_centers(labels).found:
        first = np.clip(np.ceil(center - REACH), begin, end).astype(int)
        last = np.clip(np.floor(center + REACH) + 1, begin, end).astype(int)
        z, y, x = (
            np.exp(-((np.arange(f, e) - c) ** 2) / (2 * SIGMA**2)) for f, e, c in zip(first, last, center, strict=True)
        )
        box = blobs[tuple(slice(f, e) for f, e in zip(first - begin, last - begin, strict=True))]
        np.maximum(box, z[:, np.newaxis, np.newaxis] * y[:, np.newaxis] * x, out=box, casting="same_kind")
    return blobs[np.newaxis]


class GaussParams(Params):
    """From blobs to points; defaults as most often selected in Table 7 of the paper."""

    gauss_thresh: float = Field(0.25, gt=0, lt=1)
    nms_size: int = Field(2, ge=1, le=100)

    @classmethod
    def to_try(cls) -> dict[str, list[Any]]:
        """Give values of parameters, few and far apart, to begin with."""
        return {**super().to_try(), "gauss_thresh": [0.2, 0.4, 0.6], "nms_size": [2, 4]}

    def decode(self, prediction: Prediction) -> Labels:
        """Find the highest voxel of each blob.

        Parameters
        ----------
        prediction : mapping
            ``gauss``: (1, Z, Y, X) array.

        Returns
        -------
        (Z, Y, X) array of uint32
            One voxel a point, numbered 1..n; 0 elsewhere.
        """
        points = local_maxima(prediction["gauss"][0].astype(np.float32), self.gauss_thresh, self.nms_size)
        labels = np.zeros(prediction["gauss"].shape[1:], dtype=np.uint32)
        labels[tuple(points.T)] = np.arange(1, len(points) + 1)
        return labels


def confidence(prediction: Prediction, points: Labels) -> Array:
    """Height of the blob at each point, whose label is one voxel: (N,) in 0..1, by rising label."""
    return np.clip(mean_within(prediction["gauss"][0].astype(np.float32), points), 0, 1)


GAUSS = Method(
    "gauss",
    heads=(
        Head(
            "gauss",
            channels=1,
            target=target,
            loss="blob_loss",
            context=REACH,
            whole_instances=True,
            from_points=True,
        ),
    ),
    confidence=confidence,
    params=GaussParams,
    task="detection",
)
