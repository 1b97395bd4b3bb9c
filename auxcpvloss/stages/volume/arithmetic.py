"""Which arithmetic the network predicts with."""

from __future__ import annotations

from typing import Any

import numpy as np

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.methods import Params
from auxcpvloss.methods.method import Labels
from auxcpvloss.metrics import Comparison
from auxcpvloss.network.architectures import tiling_of

PART = 96
"""Voxels along an axis of the part of a volume in which results are compared, at most."""
LEAST_AP, MOST_VOXELS = 0.98, 0.001
"""Instances in bfloat16 and float32 are alike from this AP at an IoU of 0.5, and up to this part of all voxels that are
in instances of one of them only."""


def precision_for(experiment: Experiment, checkpoint: int, params: Params, image: Any) -> tuple[str, str]:
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
    if difference := _difference(exact, fast):
        return "float32", difference
    return "mixed_bfloat16", ""


def _decoded(experiment: Experiment, checkpoint: int, params: Params, image: Any, precision: str) -> Labels:
    from auxcpvloss.network.compiled import prediction_network
    from auxcpvloss.pipeline.scan import scan_volume

    config, method = experiment.config, experiment.method
    heads = {head.name: head.channels for head in method.predicted_heads(params)}
    arrays = {name: np.zeros((channels, *image.shape), config.prediction.dtype) for name, channels in heads.items()}
    tiling, path = tiling_of(config, image.shape), experiment.need_checkpoint(checkpoint)
    network = prediction_network(config, method, tiling.input_shape, path, heads, precision)
    scan_volume(image, network, tiling, arrays)
    return params.decode(arrays)


def _difference(exact: Labels, fast: Labels) -> str:
    """Say how instances differ; "" where they are alike."""
    counts = Comparison(fast, exact).counts
    voxels = float(np.mean((exact > 0) != (fast > 0)))
    if counts.ap < LEAST_AP:
        return f"of {counts.tp + counts.fn} instances in its middle bfloat16 finds {counts.tp}, and {counts.fp} others"
    return f"of its middle {voxels:.2%} of the voxels differ in bfloat16" if voxels > MOST_VOXELS else ""
