"""The 3-label model: background, interior and boundary of nuclei (Caicedo et al. 2019)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydantic import Field

from auxcpvloss.methods import instance_geometry as geometry
from auxcpvloss.methods.method import ALL, SOFTMAX, Array, Head, Labels, Method, Part, Prediction
from auxcpvloss.methods.watershed_params import Basins, WatershedParams, least_logit
from auxcpvloss.segmentation.arrays import Mask
from auxcpvloss.segmentation.measure import mean_within
from auxcpvloss.system.lazy import lazily

special = lazily("scipy.special")

BACKGROUND, INTERIOR, BOUNDARY = geometry.NO_INSTANCE, geometry.INSIDE, geometry.BOUNDARY

CONFIDENT_LOGIT = 20.0
"""exp(-20) is 2e-9: the probability is above every threshold."""


def target(labels: Labels, part: Part = ALL) -> Array:
    """Class of every voxel.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
    part : slices, optional

    Returns
    -------
    (1, Z, Y, X) array of uint8
        0 background (and outside the volume), 1 interior, 2 boundary.
    """
    return geometry.classes(labels)[part][np.newaxis]


def perfect(target: Array) -> Array:
    """Logits of a network that is sure of these classes: (1, Z, Y, X) -> (3, Z, Y, X)."""
    return np.stack([np.where(target[0] == c, CONFIDENT_LOGIT, 0.0) for c in range(3)]).astype(np.float32)


class ThreeclassParams(WatershedParams):
    """From 3-label probabilities to instances; defaults as most often selected in Table 5 of the paper."""

    fg_thresh: float = Field(0.95, gt=0, lt=1)
    seed_thresh: float = Field(0.7, gt=0, lt=1)

    @classmethod
    def to_try(cls) -> dict[str, list[Any]]:
        """Give values of parameters, few and far apart, to begin with."""
        return {**super().to_try(), "fg_thresh": [0.5, 0.8, 0.95], "seed_thresh": [0.6, 0.8, 0.95]}

    @classmethod
    def find_basins(cls, prediction: Prediction) -> Basins:
        """Flood 1 - P(interior) from sure interiors where P(background) is low; ``threeclass``: (3, N) logits."""
        background, interior, _ = special.softmax(prediction["threeclass"], axis=0)
        return Basins(surface=1 - interior, inside=interior, foreground=1 - background)

    def is_seed(self, basins: Basins) -> Mask:
        """Tell where P(interior) is above its threshold."""
        return basins.inside > self.seed_thresh

    def is_foreground(self, basins: Basins) -> Mask:
        """Tell where 1 - P(background) is above its threshold."""
        return basins.foreground > self.fg_thresh

    def may_be_foreground(self, prediction: Prediction) -> Mask:
        """Tell where P(interior) + P(boundary) is not clearly below its threshold, by the greater of the two alone."""
        background, interior, boundary = prediction["threeclass"]
        above = np.maximum(interior, boundary)
        above -= background
        return above > least_logit(self.fg_thresh) - math.log(2)

    @property
    def strictness(self) -> float:
        """There is less foreground above a greater threshold."""
        return self.fg_thresh


def confidence(prediction: Prediction, labels: Labels) -> Array:
    """Mean of P(interior) + P(boundary) over the voxels of each instance: (N,), by rising label."""
    background = special.softmax(prediction["threeclass"].astype(np.float32), axis=0)[BACKGROUND]
    return mean_within(1 - background, labels)


THREECLASS = Method(
    "threeclass",
    heads=(Head("threeclass", channels=3, target=target, loss=SOFTMAX, perfect=perfect, context=1),),
    confidence=confidence,
    params=ThreeclassParams,
)
