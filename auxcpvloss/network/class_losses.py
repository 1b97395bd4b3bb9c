"""Losses of heads that tell classes apart, as [training] asks for them, on any Keras backend.

Like those in `network.losses`, they take target, network output and region of B patches, and give (B,).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from keras import ops

from auxcpvloss.config.tables import Training
from auxcpvloss.methods.method import UNKNOWN
from auxcpvloss.network.batch import OUTSIDE

FRACTION_RANGE = (0.05, 0.95)
"""To which the fraction of a class is clipped before classes are weighed by it."""
SPACE = (1, 2, 3)
SMOOTH = 1.0
"""Voxels that are added to both sides of a Dice coefficient, so that a class that is nowhere has one."""
LEAST = 1e-6
"""Lower bound of 1 - P in the focal loss, below which its derivative may be infinite."""

Fractions = Mapping[str, Sequence[float]]
"""Head name -> fractions of its classes in the training volumes; of two classes a channel, those of the positive."""


@dataclass(frozen=True)
class ClassLoss:
    """What heads that tell classes apart are trained by.

    Attributes
    ----------
    kind : {"cross_entropy", "focal", "dice", "cross_entropy+dice"}
    balance : {"patch", "data", "none"}
        What the cross entropy weighs a class by: its fraction in the patch, that in the training volumes, or nothing.
    gamma : float
        Exponent of the focal loss.
    fractions : sequence of float, optional
        Those in the training volumes, see `Fractions`.
    weights : sequence of float
        Of the classes in the cross entropy of `softmax`, in place of those by `balance`; empty: by `balance`.
    """

    kind: Literal["cross_entropy", "focal", "dice", "cross_entropy+dice"] = "cross_entropy"
    balance: Literal["patch", "data", "none"] = "patch"
    gamma: float = 2.0
    fractions: Sequence[float] | None = None
    weights: Sequence[float] = ()

    @classmethod
    def of(cls, table: Training, fractions: Sequence[float] | None, weights: Sequence[float] = ()) -> ClassLoss:
        """Give the one that [training] asks for."""
        return cls(table.class_loss, table.class_balance, table.focal_gamma, fractions, weights)

    def softmax(self, target: Any, prediction: Any, region: Any) -> Any:
        """Loss of C classes that exclude each other.

        Parameters
        ----------
        target : (B, Z, Y, X, 1) tensor
            Class of the voxel; 0 is the background.
        prediction : (B, Z, Y, X, C) tensor
            Logits of the classes.
        region : (B, Z, Y, X, 1) tensor

        Returns
        -------
        (B,) tensor
            Cross entropy: the mean of -log P(class) / (C x fraction of the class), the fraction clipped to
            `FRACTION_RANGE`, or of -log P(class) x `weights` of the class; focal: that of (1 - P)^gamma times the same.
            Dice: 1 - 2 sum(P x true) / sum(P + true), the mean over all classes but the background.
        """
        classes = prediction.shape[-1]
        known = ops.cast(region > OUTSIDE, "float32")
        one_hot = ops.one_hot(ops.cast(target[..., 0], "int32"), classes, dtype="float32") * known
        side = _Side(one_hot, ops.log_softmax(prediction, axis=-1), self.fractions)
        return self._loss([side], known, classes, slice(1, None))

    def sigmoid(self, target: Any, prediction: Any, region: Any) -> Any:
        """Loss of channels that are positive or negative, each on its own.

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
            As `softmax`, with positive and negative as the two classes of a channel; Dice is that of the positive,
            the mean over channels.
        """
        known = ops.cast(region > OUTSIDE, "float32") * ops.cast(target < UNKNOWN, "float32")
        negative = self.fractions and [1 - fraction for fraction in self.fractions]
        sides = [
            _Side(ops.cast(target, "float32") * known, ops.log_sigmoid(prediction), self.fractions),
            _Side(ops.cast(1.0 - target, "float32") * known, ops.log_sigmoid(-prediction), negative),
        ]
        return self._loss(sides, known, 2, slice(None))

    def _loss(self, sides: list[_Side], known: Any, classes: int, foreground: slice) -> Any:
        total = 0.0
        if self.kind != "dice":
            total = self._cross_entropy(sides, known, classes)
        if self.kind in ("dice", "cross_entropy+dice"):
            total = total + _dice(sides[0], known, foreground)
        return total

    def _cross_entropy(self, sides: list[_Side], known: Any, classes: int) -> Any:
        """Mean over what is known; `known` has one channel for all of them, or each its own."""
        voxels, total = ops.sum(known, axis=SPACE), 0.0
        for side in sides:
            value = side.true * side.log_p
            if self.kind == "focal":
                value = value * ops.maximum(-ops.expm1(side.log_p), LEAST) ** self.gamma
            total = total - ops.sum(value * self._weight(side, voxels, classes), axis=(1, 2, 3, 4))
        return total / ops.maximum(ops.sum(voxels, axis=-1), 1.0)

    def _weight(self, side: _Side, voxels: Any, classes: int) -> Any:
        if len(self.weights):
            return ops.convert_to_tensor(self.weights, "float32")
        if self.balance == "none":
            return 1.0
        if self.balance == "data":
            fraction = ops.convert_to_tensor(side.fractions, "float32")
        else:
            fraction = (ops.sum(side.true, axis=SPACE) / ops.maximum(voxels, 1.0))[:, None, None, None, :]
        return 1.0 / (classes * ops.clip(fraction, *FRACTION_RANGE))


class _Side(NamedTuple):
    """Where each channel is true (B, Z, Y, X, C), its log probability, and its fraction in the training volumes."""

    true: Any
    log_p: Any
    fractions: Sequence[float] | None


def _dice(side: _Side, known: Any, channels: slice) -> Any:
    """1 - Dice coefficient of probabilities, in each patch, the mean over some channels: (B,)."""
    p = ops.exp(side.log_p) * known
    both = 2 * ops.sum(side.true * p, axis=SPACE) + SMOOTH
    each = ops.sum(side.true, axis=SPACE) + ops.sum(p, axis=SPACE) + SMOOTH
    return ops.mean((1.0 - both / each)[:, channels], axis=-1)
