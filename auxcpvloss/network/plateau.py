"""Lower the learning rate when the loss no longer falls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from auxcpvloss.config.tables import Optimizer


@dataclass(frozen=True)
class Watch:
    """What is remembered of the losses so far.

    Attributes
    ----------
    total : float
        Sum of the losses of the current interval.
    count : int
        How many these are.
    best : float
        Lowest mean of an interval before.
    """

    total: float = 0.0
    count: int = 0
    best: float = math.inf

    def add(self, loss: float, patience: int) -> tuple[Watch, bool]:
        """Take the loss of an iteration; also says whether an interval ended that was no better than the best."""
        total, count = self.total + loss, self.count + 1
        if count < patience:
            return Watch(total, count, self.best), False
        mean = total / count
        return Watch(best=min(mean, self.best)), mean >= self.best


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
        self._memory = optimizer.add_variable((3,), dtype="float64", name="plateau")
        self._remember(Watch())

    def add(self, loss: float) -> None:
        """Take the training loss of an iteration."""
        total, count, best = np.asarray(self._memory).tolist()
        watch, stuck = Watch(total, int(count), best).add(loss, self._table.plateau_patience)
        self._remember(watch)
        if stuck:
            rate = float(self._optimizer.learning_rate) * self._table.plateau_factor
            self._optimizer.learning_rate = max(rate, self._table.min_lr)

    def _remember(self, watch: Watch) -> None:
        self._memory.assign(np.array([watch.total, watch.count, watch.best]))
