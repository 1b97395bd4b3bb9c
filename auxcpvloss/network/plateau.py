"""Lower the learning rate when the loss no longer falls."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from auxcpvloss.config.tables import Optimizer
from auxcpvloss.network.backend import widest_float

Memory = tuple[float, float, float]
"""Sum and number of losses in the current interval, and the lowest mean of an earlier interval."""

START: Memory = (0.0, 0.0, math.inf)


def watch(memory: Memory, loss: float, patience: int) -> tuple[Memory, bool]:
    """Take the loss of an iteration; also says whether an interval ended that was no better than the best."""
    total, number, best = memory[0] + loss, memory[1] + 1, memory[2]
    if number < patience:
        return (total, number, best), False
    mean = total / number
    return (0.0, 0.0, min(mean, best)), mean >= best


class Plateau:
    """Changes the learning rate of an optimizer.

    What it remembers is a variable of the optimizer, so that a checkpoint holds it.

    Parameters
    ----------
    table : Optimizer
    optimizer : keras.optimizers.Optimizer
        Built, and not yet loaded from a checkpoint.
    """

    def __init__(self, table: Optimizer, optimizer: Any) -> None:
        self._table, self._optimizer = table, optimizer
        self._memory = optimizer.add_variable((3,), dtype=widest_float(), name="plateau")
        self._memory.assign(np.array(START))

    def add(self, loss: float) -> None:
        """Take the training loss of an iteration."""
        memory, stuck = watch(tuple(np.asarray(self._memory).tolist()), loss, self._table.plateau_patience)
        self._memory.assign(np.array(memory))
        if stuck:
            rate = float(self._optimizer.learning_rate) * self._table.plateau_factor
            self._optimizer.learning_rate = max(rate, self._table.min_lr)
