"""Losses of the heads, on any Keras backend; those of classes are in `network.class_losses`.

A loss takes target, network output and region (see `network.batch`) of B patches, each (B, Z, Y, X, C), and gives
(B,): the mean of weight x value over the voxels inside the volume, and over channels. Formulas and weights: Hirsch &
Kainmueller, MIDL 2020, section 2 and appendix B.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from keras import ops

from auxcpvloss.config.tables import Training
from auxcpvloss.methods.method import SIGMOID, SOFTMAX, Head
from auxcpvloss.network.batch import BACKGROUND, INSTANCE, OUTSIDE
from auxcpvloss.network.class_losses import ClassLoss, Fractions

CPV_BACKGROUND_WEIGHT = 0.01
BLOB_FLOOR, BLOB_BACKGROUND_WEIGHT = 0.01, 1e-5


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
        squared_difference,
        center_vector_loss,
        blob_loss,
    )
}
"""Losses by the names used in heads, but for those of classes."""


def loss_of(head: Head, table: Training, fractions: Fractions = MappingProxyType({})) -> Loss:
    """Give the loss of a head, as [training] asks for it; `fractions` are needed where it balances by them."""
    if head.loss not in (SOFTMAX, SIGMOID):
        return LOSSES[head.loss]
    classes = ClassLoss.of(table, fractions.get(head.name))
    return classes.softmax if head.loss == SOFTMAX else classes.sigmoid
