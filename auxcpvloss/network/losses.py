"""Losses of the heads, on any Keras backend; those of classes are in `network.class_losses`.

A loss takes target, network output and region (see `network.batch`) of B patches, each (B, Z, Y, X, C), and gives
(B,): the mean of weight x value over the voxels inside the volume, and over channels. A loss of `loss_of` takes all
channels of the region; those that it is made of take the one that concerns them. Formulas and weights: Hirsch &
Kainmueller, MIDL 2020, section 2 and appendix B.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any

from keras import ops

from auxcpvloss.config.tables import Config
from auxcpvloss.methods.method import SIGMOID, SOFTMAX, UNKNOWN, Head
from auxcpvloss.network.batch import BACKGROUND, INSTANCE, OUTSIDE
from auxcpvloss.network.class_losses import ClassLoss, Fractions

BLOB_FLOOR, BLOB_BACKGROUND_WEIGHT = 0.01, 1e-5


def squared_difference(target: Any, prediction: Any, region: Any, background: float = 1.0) -> Any:
    """Squared difference of (B, Z, Y, X, C) tensors; voxels in instances weigh 1, others `background`."""
    weight = ops.cast(region == INSTANCE, "float32") + background * ops.cast(region == BACKGROUND, "float32")
    return _mean_square(target, prediction, weight, region)


def known_squared_difference(target: Any, prediction: Any, region: Any) -> Any:
    """Squared difference of (B, Z, Y, X, 1) tensors where the target, in 0..1, is not `UNKNOWN`."""
    return squared_difference(target, prediction, ops.where(target < UNKNOWN, region, OUTSIDE))


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

LOSSES: dict[str, Callable[..., Any]] = {
    loss.__name__: loss for loss in (squared_difference, known_squared_difference, blob_loss)
}
"""Losses by the names used in heads, but for those of classes."""


def loss_of(head: Head, config: Config, fractions: Fractions = MappingProxyType({})) -> Loss:
    """Give the loss of a head, as a configuration asks for it; `fractions` are needed where it balances by them."""
    return partial(_in_channel, _loss_of(head, config, fractions), int(head.at_blind_spots))


def _in_channel(loss: Loss, channel: int, target: Any, prediction: Any, region: Any) -> Any:
    """Take a loss by one channel of the region, see `network.batch.Batch`."""
    return loss(target, prediction, region[..., channel : channel + 1])


def _loss_of(head: Head, config: Config, fractions: Fractions) -> Loss:
    if head.loss in (SOFTMAX, SIGMOID):
        weights = config.class_weights(head.name) if head.class_weights else ()
        classes = ClassLoss.of(config.training, fractions.get(head.name), weights)
        return classes.softmax if head.loss == SOFTMAX else classes.sigmoid
    loss = LOSSES[head.loss]
    return loss if head.background is None else partial(loss, background=config.background(head.name))
