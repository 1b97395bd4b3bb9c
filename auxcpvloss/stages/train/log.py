"""The losses of a training, as CSV and for TensorBoard, which gets images of batches, too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.experiment.training_files import WAITED
from auxcpvloss.stages.train.table import Table
from auxcpvloss.system.files import writing


class TrainingLog:
    """Means of all losses over the iterations since the last line.

    Parameters
    ----------
    folder : Path
        Gets ``log.csv`` and ``tensorboard/``.
    first : int
        Iteration that the training goes on from; later lines of an earlier attempt are dropped.
    state : mapping, optional
        The `state` of the log at that iteration, so that the next line is the mean over all that it should be.
    """

    def __init__(self, folder: Path, first: int, state: Mapping[str, Any] | None = None) -> None:
        from auxcpvloss.stages.train.board import Board

        self._folder = folder / "tensorboard"
        state = state or {"sums": {}, "count": 0}
        self._sums: dict[str, float] = defaultdict(float, state["sums"])
        self._count: int = state["count"]
        self._means: dict[str, float] = {}
        self._table = Table(folder / "log.csv", first)
        with writing(self._folder):
            self._board = Board(self._folder)

    @property
    def state(self) -> dict[str, Any]:
        """What the next line will be made from; JSON gives these numbers back as they are."""
        return {"sums": dict(self._sums) if self._count else {}, "count": self._count}

    def add(self, losses: Mapping[str, float]) -> None:
        """Take the losses of one iteration."""
        if not self._count:
            self._sums.clear()
        self._count += 1
        for name, value in losses.items():
            self._sums[name] += value
        self._means = {name: value / self._count for name, value in self._sums.items()}

    def write(self, iteration: int, learning_rate: float, speed: float, waited: float) -> None:
        """Write a line, and begin new means.

        Parameters
        ----------
        iteration : int
        learning_rate : float
        speed : float
            Iterations a second.
        waited : float
            Part of the time since the last line, 0..1, that was waited for batches.
        """
        self._table.write(
            {
                "iteration": iteration,
                **{name: f"{self._means[name]:.6g}" for name in sorted(self._means, key=lambda name: name != "loss")},
                "learning_rate": f"{learning_rate:.6g}",
                "iterations_per_second": f"{speed:.3f}",
                WAITED: f"{waited:.3f}",
            }
        )
        self.scalars(iteration, {**self._means, "learning_rate": learning_rate, WAITED: waited})
        self._count = 0

    def scalars(self, iteration: int, values: Mapping[str, float]) -> None:
        """Send numbers to TensorBoard."""
        with writing(self._folder):
            for name, value in values.items():
                self._board.scalar(name, value, iteration)
            self._board.flush()

    def images(self, iteration: int, images: Mapping[str, NDArray[np.uint8]]) -> None:
        """Send (Y, X) images to TensorBoard."""
        with writing(self._folder):
            for name, image in images.items():
                self._board.image(name, image, iteration)
            self._board.flush()

    def summary(self) -> str:
        """Give the total, and in brackets its parts: ``0.31 (threeclass 0.2, cpv 0.1)``."""
        parts = [f"{name.removesuffix('_loss')} {value:.3g}" for name, value in self._means.items() if name != "loss"]
        total = f"{self._means.get('loss', float('nan')):.3g}"
        return f"{total} ({', '.join(parts)})" if len(parts) > 1 else total

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._table.__exit__(kind, error, trace)
        # After an error, such as a full disk, it cannot write what it still has.
        with suppress(Exception) if kind else writing(self._folder):
            self._board.close()
