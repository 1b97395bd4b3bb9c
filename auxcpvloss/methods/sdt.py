"""The signed distance model: how far, and on which side, the boundary of a nucleus is (Heinrich et al. 2018)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from auxcpvloss.methods.distances import distances_within
from auxcpvloss.methods.instance_geometry import BOUNDARY, classes, instances, known_box
from auxcpvloss.methods.method import ALL, Array, Head, Labels, Method, Part, Prediction
from auxcpvloss.methods.watershed_params import Basins, WatershedParams
from auxcpvloss.segmentation.arrays import Mask
from auxcpvloss.segmentation.measure import mean_within

SCALE = 9.0
"""Distance, in voxels, at which the target is tanh(1)."""

CONTEXT = 45
"""Voxels after which the target is within 1e-4 of its limit: 9 atanh(1 - 1e-4) = 44.6."""


def target(labels: Labels, part: Part = ALL) -> Array:
    """tanh(d / 9) of the Euclidean distance d, in voxels, to the nearest boundary voxel; negative inside an instance.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        `OUTSIDE` beyond the volume, where there are no boundaries.
    part : slices, optional

    Returns
    -------
    (1, Z, Y, X) array of float32
        0 in boundary voxels, 1 where there is no boundary at all; of no meaning beyond the volume.
    """
    distances = np.full(labels.shape, np.inf, dtype=np.float32)
    # Much of a patch of a slender volume, with its context, lies beyond it.
    if (box := known_box(labels)) is not None:
        distances[box] = distances_within(classes(labels[box]) != BOUNDARY)
    wanted = distances[part] / SCALE
    np.tanh(wanted, out=wanted)
    np.negative(wanted, out=wanted, where=instances(labels[part]))
    return wanted[np.newaxis]


class SdtParams(WatershedParams):
    """From signed distances to instances; defaults as most often selected in Table 4 of the paper."""

    fg_thresh: float = Field(0.0, gt=-1, lt=1)
    seed_thresh: float = Field(-0.13, gt=-1, lt=1)
    num_dilations: int = Field(1, ge=0, le=1000)

    @classmethod
    def to_try(cls) -> dict[str, list[Any]]:
        """Give values of parameters, few and far apart, to begin with."""
        return {**super().to_try(), "fg_thresh": [-0.06, 0.0, 0.06], "seed_thresh": [-0.3, -0.2, -0.1]}

    @classmethod
    def find_basins(cls, prediction: Prediction) -> Basins:
        """Flood the signed distance, ``sdt``: (1, N), from where it is well below zero."""
        return Basins(*prediction["sdt"], *prediction["sdt"], *prediction["sdt"])

    def is_seed(self, basins: Basins) -> Mask:
        """Tell where the signed distance is below the threshold of seeds."""
        return basins.inside < self.seed_thresh

    def is_foreground(self, basins: Basins) -> Mask:
        """Tell where the signed distance is below its threshold."""
        return basins.foreground < self.fg_thresh

    def may_be_foreground(self, prediction: Prediction) -> Mask:
        """Tell where the signed distance is below its threshold."""
        return self.is_foreground(self.find_basins(prediction))

    @property
    def strictness(self) -> float:
        """There is less foreground below a lesser threshold."""
        return -self.fg_thresh


def confidence(prediction: Prediction, labels: Labels) -> Array:
    """How deep the network takes each instance to be, as a fraction of how deep one of its shape is.

    Parameters
    ----------
    prediction : mapping
        ``sdt``: (1, Z, Y, X) array.
    labels : (Z, Y, X) array of uint32

    Returns
    -------
    (N,) array in 0..1
        By rising label: the mean of the predicted values below zero, over the mean of the values that the network is
        to learn for an instance of this shape. 0 for one that is too thin to be more than boundary.
    """
    depth = mean_within(np.maximum(-prediction["sdt"][0].astype(np.float32), 0), labels)
    whole = mean_within(np.maximum(-target(labels)[0], 0), labels)
    return np.clip(np.divide(depth, whole, out=np.zeros_like(depth), where=whole > 0), 0, 1)


SDT = Method(
    "sdt",
    heads=(
        Head(
            "sdt",
            channels=1,
            target=target,
            loss="squared_difference",
            context=CONTEXT,
            # The paper's factor, which brings it to the magnitude of the center point vectors' loss.
            coefficient=100.0,
        ),
    ),
    confidence=confidence,
    params=SdtParams,
)
