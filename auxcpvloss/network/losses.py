"""Losses of the heads, on any Keras backend.

A loss takes target, network output and region (see `network.batch`) of B patches, each (B, Z, Y, X, C), and gives
(B,): the mean of weight x value over the voxels inside the volume, and over channels. Formulas and weights: Hirsch &
Kainmueller, MIDL 2020, section 2 and appendix B.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from auxcpvloss.methods.method import UNKNOWN
from auxcpvloss.network.batch import BACKGROUND, INSTANCE, OUTSIDE

FRACTION_RANGE = (0.05, 0.95)
CPV_BACKGROUND_WEIGHT = 0.01
BLOB_FLOOR, BLOB_BACKGROUND_WEIGHT = 0.01, 1e-5


def balanced_cross_entropy(target: Any, prediction: Any, region: Any) -> Any:
    """Softmax cross entropy, every class with the same weight in each patch.

    Parameters
    ----------
    target : (B, Z, Y, X, 1) tensor
        Class of the voxel.
    prediction : (B, Z, Y, X, C) tensor
        Logits of the C classes.
    region : (B, Z, Y, X, 1) tensor

    Returns
    -------
    (B,) tensor
        Mean of -log P(class) / (C x fraction of the class), the fraction clipped to `FRACTION_RANGE`.
    """
    classes = prediction.shape[-1]
    known = ops.cast(region > OUTSIDE, "float32")
    one_hot = ops.one_hot(ops.cast(target[..., 0], "int32"), classes, dtype="float32") * known
    voxels = _voxels(region)
    fraction = ops.sum(one_hot, axis=(1, 2, 3)) / voxels[:, None]
    weight = 1.0 / (classes * ops.clip(fraction, *FRACTION_RANGE))
    value = -one_hot * ops.log_softmax(prediction, axis=-1)
    return ops.sum(value * weight[:, None, None, None, :], axis=(1, 2, 3, 4)) / voxels


def balanced_binary_cross_entropy(target: Any, prediction: Any, region: Any) -> Any:
    """Sigmoid cross entropy of each channel, positive and negative voxels with the same weight in each patch.

    Parameters
    ----------
    target : (B, Z, Y, X, C) tensor
        0 or 1; `UNKNOWN` where the channel does not count.
    prediction : (B, Z, Y, X, C) tensor
        Logits.
    region : (B, Z, Y, X, 1) tensor

    Returns
    -------
    (B,) tensor
        Mean of -log P(target) / (2 x fraction of such voxels in the channel), the fraction clipped to
        `FRACTION_RANGE`.
    """
    known = ops.cast(region > OUTSIDE, "float32") * ops.cast(target < UNKNOWN, "float32")
    voxels = ops.sum(known, axis=(1, 2, 3))
    total = 0.0
    for side, logit in ((target, prediction), (1.0 - target, -prediction)):
        chosen = ops.cast(side, "float32") * known
        fraction = ops.sum(chosen, axis=(1, 2, 3)) / ops.maximum(voxels, 1.0)
        weight = 0.5 / ops.clip(fraction, *FRACTION_RANGE)
        total = total - ops.sum(chosen * ops.log_sigmoid(logit) * weight[:, None, None, None, :], axis=(1, 2, 3, 4))
    return total / ops.maximum(ops.sum(voxels, axis=-1), 1.0)


def squared_difference(target: Any, prediction: Any, region: Any) -> Any:
    """Squared difference of (B, Z, Y, X, C) tensors, every voxel with the same weight."""
    return _mean_square(target, prediction, ops.cast(region > OUTSIDE, "float32"), region)


def center_vector_loss(target: Any, prediction: Any, region: Any) -> Any:
    """Squared difference of center point vectors in voxels, (B, Z, Y, X, 3) tensors.

    Voxels in instances have weight 1, those of the background `CPV_BACKGROUND_WEIGHT`.
    """
    weight = ops.cast(region == INSTANCE, "float32") + CPV_BACKGROUND_WEIGHT * ops.cast(region == BACKGROUND, "float32")
    return _mean_square(target, prediction, weight, region)


def blob_loss(target: Any, prediction: Any, region: Any) -> Any:
    """Squared difference of blobs in 0..1, (B, Z, Y, X, 1) tensors.

    Voxels whose target is at least `BLOB_FLOOR` have weight 1, all others `BLOB_BACKGROUND_WEIGHT`.
    """
    near = ops.cast(target >= BLOB_FLOOR, "float32")
    weight = near + BLOB_BACKGROUND_WEIGHT * (1.0 - near)
    return _mean_square(target, prediction, weight * ops.cast(region > OUTSIDE, "float32"), region)


def _voxels(region: Any) -> Any:
    """Count the voxels inside the volume, at least 1: (B, Z, Y, X, 1) -> (B,)."""
    return ops.maximum(ops.sum(ops.cast(region > OUTSIDE, "float32"), axis=(1, 2, 3, 4)), 1.0)


def _mean_square(target: Any, prediction: Any, weight: Any, region: Any) -> Any:
    """Mean of weight x squared difference over the voxels inside the volume, and channels."""
    value = ops.sum(weight * ops.square(target - prediction), axis=(1, 2, 3, 4))
    return value / (_voxels(region) * prediction.shape[-1])


Loss = Callable[[Any, Any, Any], Any]

LOSSES: dict[str, Loss] = {
    loss.__name__: loss
    for loss in (
        balanced_cross_entropy,
        balanced_binary_cross_entropy,
        squared_difference,
        center_vector_loss,
        blob_loss,
    )
}
"""Losses by the names used in heads."""
