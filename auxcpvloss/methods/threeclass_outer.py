"""The 3-label model of VoidSeg, whose border lies outside of nuclei (Prakash et al. 2020): components, no watershed."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from auxcpvloss.methods.instance_geometry import instances, known, with_margin
from auxcpvloss.methods.method import ALL, SOFTMAX, Array, Head, Labels, Method, Params, Part, Prediction
from auxcpvloss.methods.threeclass import perfect
from auxcpvloss.segmentation.measure import mean_within
from auxcpvloss.system.lazy import lazily

special = lazily("scipy.special")

BACKGROUND, INTERIOR, BORDER = 0, 1, 2


def target(labels: Labels, part: Part = ALL) -> Array:
    """Class of every voxel, with a border of one voxel around each nucleus.

    The border of a nucleus is what one dilation with the six neighbours adds to it (four in an image), whether that is
    background or belongs to another nucleus. So two nuclei that touch are two voxels of border apart: one of each.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        Neither what is not `known` nor the border of the array makes a border.
    part : slices, optional

    Returns
    -------
    (1, Z, Y, X) array of uint8
        0 background (and outside the volume), 1 interior, 2 border.
    """
    wide, inner = with_margin(part, 1, labels.shape)
    near = labels[wide]
    inside, is_known = instances(near), known(near)
    classes = np.where(inside, np.uint8(INTERIOR), np.uint8(BACKGROUND))
    for axis in range(3):
        own, nucleus, annotated, found = (np.moveaxis(each, axis, 0) for each in (near, inside, is_known, classes))
        differ = own[1:] != own[:-1]
        found[1:][differ & nucleus[:-1] & annotated[1:]] = BORDER
        found[:-1][differ & nucleus[1:] & annotated[:-1]] = BORDER
    return classes[inner][np.newaxis]


class ThreeclassOuterParams(Params):
    """From 3-label probabilities to instances: connected components (six neighbours) of interiors."""

    fg_thresh: float = Field(0.5, gt=0, lt=1)
    min_size: int = Field(0, ge=0, le=10**9)

    @classmethod
    def to_try(cls) -> dict[str, list[Any]]:
        """Give values of parameters to begin with: the 19 thresholds of VoidSeg."""
        return {**super().to_try(), "fg_thresh": [round(0.05 * step, 2) for step in range(1, 20)]}

    def decode(self, prediction: Prediction) -> Labels:
        """Number the connected pieces in which P(interior) is above the threshold.

        Parameters
        ----------
        prediction : mapping
            ``outer``: (3, Z, Y, X) logits.

        Returns
        -------
        (Z, Y, X) array of uint32
            0 is background.
        """
        from auxcpvloss.segmentation.runs import find_runs
        from auxcpvloss.segmentation.watershed import keep_sizes, label_components

        likely = _interior(prediction)
        foreground = find_runs(np.flatnonzero(likely > self.fg_thresh), likely.shape)
        return keep_sizes(label_components(foreground), self.min_size)


def _interior(prediction: Prediction) -> Array:
    """P(interior), (Z, Y, X), by ``outer``: (3, Z, Y, X) logits."""
    return np.asarray(special.softmax(prediction["outer"].astype(np.float32), axis=0)[INTERIOR])


def confidence(prediction: Prediction, labels: Labels) -> Array:
    """Mean of P(interior) over the voxels of each instance: (N,), by rising label."""
    return mean_within(_interior(prediction), labels)


THREECLASS_OUTER = Method(
    "threeclass_outer",
    heads=(
        Head(
            "outer",
            channels=3,
            target=target,
            loss=SOFTMAX,
            perfect=perfect,
            context=1,
            class_weights=(1.0, 1.0, 5.0),
        ),
    ),
    confidence=confidence,
    params=ThreeclassOuterParams,
)
