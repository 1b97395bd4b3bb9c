"""The mean of several predictions of the same voxels, in the space of what they mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.methods.method import SIGMOID, SOFTMAX
from auxcpvloss.system.lazy import lazily

special = lazily("scipy.special")

LEAST = 1e-30
"""Probabilities below this are taken for it, so that their logarithm is finite."""


class Mean:
    """Adds up predictions of a head one by one: of logits the probabilities, of all else the values.

    Parameters
    ----------
    loss : str
        Of the head: it says what the numbers mean, see `Head.loss`.
    """

    def __init__(self, loss: str) -> None:
        self.loss = loss
        self.count = 0
        self._sums: list[NDArray[Any]] = []

    def add(self, prediction: NDArray[Any]) -> None:
        """Add a (C, Z, Y, X) prediction."""
        terms = self._terms(prediction.astype(np.float32, copy=False))
        if self._sums:
            for total, term in zip(self._sums, terms, strict=True):
                total += term
        else:
            self._sums = [np.array(term) for term in terms]
        self.count += 1

    def _terms(self, prediction: NDArray[Any]) -> list[NDArray[Any]]:
        if self.loss == SIGMOID:
            # 1 - p rounds to 0 long before the logit is large.
            return [special.expit(prediction), special.expit(-prediction)]
        return [special.softmax(prediction, axis=0) if self.loss == SOFTMAX else prediction]

    def result(self) -> NDArray[np.float32]:
        """Give the mean as the network gives it: logits of the mean probabilities, or the mean of the values."""
        means = [total / np.float32(self.count) for total in self._sums]
        if self.loss not in (SIGMOID, SOFTMAX):
            return np.asarray(means[0])
        logarithms = [np.log(np.maximum(mean, LEAST)) for mean in means]
        # A constant may be added to the logits of classes.
        return np.asarray(logarithms[0] - logarithms[1] if len(logarithms) > 1 else logarithms[0])
