"""The 3-label model: background, interior and boundary of nuclei (Caicedo et al. 2019)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field
from scipy import ndimage
from scipy.special import softmax

from auxcpvloss.instances import dilate, remove_small, seeded_watershed
from auxcpvloss.methods.method import OUTSIDE, Array, Head, Labels, Method, Params, Prediction
from auxcpvloss.network.losses import balanced_cross_entropy

BACKGROUND, INTERIOR, BOUNDARY = 0, 1, 2

CONFIDENT_LOGIT = 20.0
"""exp(-20) is 2e-9: certain for every threshold."""


def boundary(labels: Labels) -> Array:
    """Voxels that one erosion of every instance with the full 3x3x3 element takes away.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        `OUTSIDE` beyond the volume; neither that nor the border of the array makes a boundary.

    Returns
    -------
    (Z, Y, X) array of bool
    """
    # An instance is eroded where its 26 neighbours are not all of the same label: where their least and greatest
    # label differ. OUTSIDE is the greatest number; for the maximum it is taken for the least one.
    least = ndimage.minimum_filter(labels, size=3, mode="nearest")
    greatest = ndimage.maximum_filter(np.where(labels == OUTSIDE, np.uint32(0), labels), size=3, mode="nearest")
    return (labels > 0) & (labels != OUTSIDE) & (least != greatest)


def target(labels: Labels) -> Array:
    """Class of every voxel.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32

    Returns
    -------
    (1, Z, Y, X) array of uint8
        0 background (and outside the volume), 1 interior, 2 boundary.
    """
    instance = (labels > 0) & (labels != OUTSIDE)
    return (instance.astype(np.uint8) + boundary(labels))[np.newaxis]


def perfect(classes: Array) -> Array:
    """Logits of a network that is sure of these classes: (1, Z, Y, X) -> (3, Z, Y, X)."""
    return np.stack([np.where(classes[0] == c, CONFIDENT_LOGIT, 0.0) for c in range(3)]).astype(np.float32)


class ThreeclassParams(Params):
    """From 3-label probabilities to instances; defaults as most often selected in Table 5 of the paper."""

    fg_thresh: float = Field(0.9, gt=0, lt=1)
    seed_thresh: float = Field(0.8, gt=0, lt=1)
    flood: Literal["foreground", "volume"] = "foreground"
    num_dilations: int = Field(0, ge=0)
    min_size: int = Field(0, ge=0)


def decode(prediction: Prediction, params: Any) -> Labels:
    """Flood from the sure interiors over 1 - P(interior), within the foreground.

    Parameters
    ----------
    prediction : mapping
        ``threeclass``: (3, Z, Y, X) logits.
    params : ThreeclassParams

    Returns
    -------
    (Z, Y, X) array of uint32
        0 is background.
    """
    background, interior, _ = softmax(prediction["threeclass"].astype(np.float32), axis=0)
    instances = seeded_watershed(
        surface=1 - interior,
        seeds=interior > params.seed_thresh,
        foreground=1 - background > params.fg_thresh,
        flood=params.flood,
    )
    return remove_small(dilate(instances, params.num_dilations), params.min_size)


THREECLASS = Method(
    name="threeclass",
    heads=(Head("threeclass", channels=3, target=target, loss=balanced_cross_entropy, perfect=perfect, context=1),),
    decode=decode,
    params=ThreeclassParams,
)
