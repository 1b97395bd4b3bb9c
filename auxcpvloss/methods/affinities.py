"""The affinity model: whether neighbouring voxels belong together (Turaga et al. 2010; Funke et al. 2018)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.methods.instance_geometry import BOUNDARY, INSIDE, classes, instances
from auxcpvloss.methods.method import ALL, SIGMOID, UNKNOWN, Array, Head, Labels, Method, Part, Prediction
from auxcpvloss.methods.watershed_params import Basins, WatershedParams, least_logit
from auxcpvloss.segmentation.arrays import Mask
from auxcpvloss.segmentation.measure import mean_within
from auxcpvloss.system.lazy import lazily

special = lazily("scipy.special")

CONFIDENT_LOGIT = 20.0
"""The logistic function of this value is 1 - 2e-9, above every threshold."""


def target(labels: Labels, part: Part = ALL) -> Array:
    """Whether a voxel and the one before it along z, y and x are of the same instance.

    Instances are eroded by one voxel before (by the step that post-processing dilates them with: six neighbours), so
    that touching nuclei are more than one voxel apart (appendix C of the paper).

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        `OUTSIDE` beyond the volume, `IGNORED` where nobody annotated.
    part : slices, optional

    Returns
    -------
    (3, Z, Y, X) array of uint8
        1 or 0 for the neighbours at (-1, 0, 0), (0, -1, 0) and (0, 0, -1); 0 where there is none; `UNKNOWN` between a
        voxel of an instance and one that is not annotated.
    """
    eroded = np.where(classes(labels, diagonal=False) == INSIDE, labels, 0)
    affinities = np.zeros((3, *labels.shape), dtype=np.uint8)
    for axis in range(3):
        own, before, is_ignored = (np.moveaxis(a, axis, 0) for a in (eroded, eroded, labels == IGNORED))
        same = (own[1:] == before[:-1]) & (own[1:] > 0)
        unknown = (is_ignored[:-1] & (own[1:] > 0)) | (is_ignored[1:] & (before[:-1] > 0))
        np.moveaxis(affinities[axis], axis, 0)[1:] = np.where(unknown, np.uint8(UNKNOWN), same)
    return affinities[(slice(None), *part)]


def foreground(labels: Labels, part: Part = ALL) -> Array:
    """Whether a voxel is in an instance, before the erosion: (Z, Y, X) labels -> (1, Z, Y, X) array of uint8."""
    return instances(labels[part]).view(np.uint8)[np.newaxis]


def perfect(target: Array) -> Array:
    """Logits of a network that is sure of 0 and 1: (C, Z, Y, X) -> (C, Z, Y, X)."""
    return np.where(target > 0, CONFIDENT_LOGIT, -CONFIDENT_LOGIT).astype(np.float32)


class AffinitiesParams(WatershedParams):
    """From affinities to instances; thresholds as most often selected in Table 6 of the paper."""

    fg_thresh: float = Field(0.99, gt=0, lt=1)
    seed_thresh: float = Field(0.99, gt=0, lt=1)
    min_affinities: int = Field(2, ge=1, le=3)
    num_dilations: int = Field(1, ge=0, le=1000)

    own_seeds = WatershedParams.own_seeds | {"min_affinities"}

    @classmethod
    def to_try(cls) -> dict[str, list[Any]]:
        """Give values of parameters, few and far apart, to begin with."""
        return {**super().to_try(), "fg_thresh": [0.5, 0.9, 0.99], "seed_thresh": [0.7, 0.9, 0.99]}

    @classmethod
    def find_basins(cls, prediction: Prediction) -> Basins:
        """Flood 1 - mean affinity from where enough of the three affinities are high, where P(foreground) is.

        Parameters
        ----------
        prediction : mapping
            ``affs``: (3, N) and ``fgbg``: (1, N) logits.
        """
        affinities = special.expit(prediction["affs"])
        return Basins(1 - affinities.mean(axis=0), inside=affinities, foreground=special.expit(prediction["fgbg"][0]))

    def is_seed(self, basins: Basins) -> Mask:
        """Tell where enough affinities are above the threshold."""
        return (basins.inside > self.seed_thresh).sum(axis=0, dtype=np.uint8) >= self.min_affinities

    def is_foreground(self, basins: Basins) -> Mask:
        """Tell where P(foreground) is above its threshold."""
        return basins.foreground > self.fg_thresh

    def may_be_foreground(self, prediction: Prediction) -> Mask:
        """Tell where the logit of P(foreground) is not clearly below that of the threshold."""
        return prediction["fgbg"][0] > least_logit(self.fg_thresh)

    @property
    def strictness(self) -> float:
        """There is less foreground above a greater threshold."""
        return self.fg_thresh


def confidence(prediction: Prediction, labels: Labels) -> Array:
    """Mean of P(foreground) over the voxels of each instance, but for its outermost ones, which dilation adds.

    Parameters
    ----------
    prediction : mapping
        ``fgbg``: (1, Z, Y, X) logits.
    labels : (Z, Y, X) array of uint32

    Returns
    -------
    (N,) array in 0..1
        By rising label. Of an instance without any other voxels, the mean over all of them.
    """
    likely = special.expit(prediction["fgbg"][0].astype(np.float32))
    inner = np.where(classes(labels, diagonal=False) == BOUNDARY, np.uint32(0), labels)
    means = mean_within(likely, labels)
    means[np.isin(np.unique(labels[labels > 0]), inner)] = mean_within(likely, inner)
    return means


AFFINITIES = Method(
    "affinities",
    heads=(
        Head(
            "affs",
            channels=3,
            target=target,
            loss=SIGMOID,
            perfect=perfect,
            context=2,
            transforms_as="affinity",
        ),
        Head("fgbg", channels=1, target=foreground, loss=SIGMOID, perfect=perfect),
    ),
    confidence=confidence,
    params=AffinitiesParams,
)
