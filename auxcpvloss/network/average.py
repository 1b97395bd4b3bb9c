"""The average of the weights over the last iterations: smoother than any of them, and often better."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops


class Average:
    """Exponential average of the weights of a network in training, and of its moving statistics.

    The momentum rises with the number n of iterations before, as (1 + n) / (10 + n), until it is the one that is asked
    for. So the average covers about the last tenth of a training that is still short, and the initial weights are
    forgotten at once.

    The averages are variables of the optimizer, which a checkpoint holds beside the weights. A checkpoint is written
    while both are exchanged: what is in the place of the weights is what predicts.

    Parameters
    ----------
    network : keras.Model
        With an optimizer that is built, and not yet loaded from a checkpoint.
    momentum : float
        The part, 0..1, of the average that is left after an iteration.
    """

    def __init__(self, network: keras.Model, momentum: float) -> None:
        optimizer: Any = network.optimizer
        self._momentum, self._weights = momentum, network.weights
        self._count = optimizer.add_variable((), dtype="int32", name="averaged")
        self._averages = [
            optimizer.add_variable(weight.shape, dtype=weight.dtype, name=f"average_{number}")
            for number, weight in enumerate(self._weights)
        ]
        for weight, average in zip(self._weights, self._averages, strict=True):
            # A copy: JAX would hold one array for both, and cannot give it away twice.
            average.assign(np.array(ops.convert_to_numpy(weight.value)))

    def add(self) -> None:
        """Take the weights after an iteration; to be compiled with it."""
        count = ops.cast(self._count.value, "float32")
        change = 1.0 - ops.minimum(self._momentum, (1.0 + count) / (10.0 + count))
        for weight, average in zip(self._weights, self._averages, strict=True):
            average.assign(average.value + change * (weight.value - average.value))
        self._count.assign(self._count.value + 1)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Have the network compute with the averages."""
        self.exchange()
        try:
            yield
        finally:
            self.exchange()

    def exchange(self) -> None:
        """Give the network the averages for its weights, and keep the weights in their place; or back."""
        for weight, average in zip(self._weights, self._averages, strict=True):
            values = [np.array(ops.convert_to_numpy(each.value)) for each in (average, weight)]
            weight.assign(values[0])
            average.assign(values[1])
