"""Which arithmetic the network predicts with."""

from __future__ import annotations

from typing import Any

import numpy as np

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.methods import Params
from auxcpvloss.methods.method import Labels
from auxcpvloss.metrics.overlap import overlaps
from auxcpvloss.network.architectures import tiling_of

PART = 96
"""Voxels along an axis of the part of a volume in which results are compared, at most."""
LEAST_ALIKE = 0.98
"""Part of the voxels of nuclei, in bfloat16 or in float32, that have to be in the same nucleus in both."""


def precision_for(experiment: Experiment, checkpoint: Checkpoint, params: Params, image: Any) -> tuple[str, str]:
    """Say in which arithmetic ``prediction.precision`` asks to predict an image.

    With "auto" the middle of the image is predicted and decoded in bfloat16 and in float32, where the machine is made
    for bfloat16 at all.

    Parameters
    ----------
    experiment : Experiment
    checkpoint : int
    params : Params
    image : (Z, Y, X) array
        Read in part.

    Returns
    -------
    str
        Dtype policy.
    str
        Why it is not bfloat16 where the machine is made for that; else "".

    Raises
    ------
    InputError
        It asks for bfloat16, which the machine does not have.
    """
    from auxcpvloss.network.compiled import check_precision, is_made_for_bfloat16

    wanted = experiment.config.prediction.precision
    if wanted == "training":
        return experiment.config.training.precision, ""
    if wanted != "auto":
        check_precision(wanted, "prediction.precision")
        return wanted, ""
    if not is_made_for_bfloat16():
        return "float32", ""
    begin = [max(0, (size - PART) // 2) for size in image.shape]
    part = image[tuple(slice(first, first + PART) for first in begin)]
    exact, fast = (_decoded(experiment, checkpoint, params, part, each) for each in ("float32", "mixed_bfloat16"))
    why_not = difference(exact, fast)
    return ("float32" if why_not else "mixed_bfloat16"), why_not


def _decoded(experiment: Experiment, checkpoint: Checkpoint, params: Params, image: Any, precision: str) -> Labels:
    from auxcpvloss.network.compiled import prediction_network
    from auxcpvloss.pipeline.scan import scan_volume

    config, method = experiment.config, experiment.method
    heads = {head.name: head.channels for head in method.predicted_heads(params)}
    arrays = {name: np.zeros((channels, *image.shape), config.prediction.dtype) for name, channels in heads.items()}
    tiling, path = tiling_of(config, image.shape), experiment.checkpoints.need(checkpoint)
    network = prediction_network(config, method, tiling.input_shape, path, heads, precision)
    scan_volume(image, network, tiling, arrays)
    return params.decode(arrays)


def difference(exact: Labels, fast: Labels) -> str:
    """Say how instances in bfloat16 differ from those in float32; "" where they are alike, but for specks."""
    pairs, voxels = overlaps(exact, fast), int(np.count_nonzero((exact > 0) | (fast > 0)))
    if not voxels:
        return "its middle has no nuclei by which to judge bfloat16"
    # Of pairs with more than half of both in common there is at most one for each instance.
    alike = int(pairs.shared[pairs.iou > 0.5].sum()) / voxels
    return "" if alike >= LEAST_ALIKE else f"in its middle {alike:.1%} of the voxels of nuclei are alike in bfloat16"
