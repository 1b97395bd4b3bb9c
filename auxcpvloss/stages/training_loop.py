"""The iterations of a training, with all that is written on the way."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from auxcpvloss.errors import StageError
from auxcpvloss.experiment import Experiment
from auxcpvloss.hdf import replacing_hdf
from auxcpvloss.selection import last_iteration
from auxcpvloss.stages.monitor import Monitor
from auxcpvloss.stages.training_log import TrainingLog
from auxcpvloss.terminal import Bar, Terminal

if TYPE_CHECKING:
    from auxcpvloss.network.trainer import Trainer
    from auxcpvloss.pipeline.training import Batch

logger = logging.getLogger(__name__)


class TrainingLoop:
    """Trains on batches, and writes log, snapshots and checkpoints.

    Parameters
    ----------
    experiment : Experiment
    terminal : Terminal
    trainer : Trainer
    monitor : Monitor
    log : TrainingLog
    bar : Bar
    """

    def __init__(
        self,
        experiment: Experiment,
        terminal: Terminal,
        trainer: Trainer,
        monitor: Monitor,
        log: TrainingLog,
        bar: Bar,
    ) -> None:
        self.experiment, self.terminal = experiment, terminal
        self.trainer, self.monitor, self.log, self.bar = trainer, monitor, log, bar

    def run(self, stream: Iterable[Batch], first: int) -> int:
        """Train on each batch in turn, until the monitor wants no more.

        Parameters
        ----------
        stream : iterable of Batch
        first : int
            Iterations that were done before.

        Returns
        -------
        int
            Iterations that are done now.

        Raises
        ------
        StageError
            The loss is no longer a number.
        """
        table, done, last = self.experiment.config.training, first, last_iteration(self.experiment)
        if first and self.monitor.lacks(first):
            self._look(first)
        if self.monitor.verdict():
            return first
        began = perf_counter()
        for done, batch in enumerate(stream, start=first + 1):
            losses = self.trainer.step(done, batch)
            self._check(done, losses["loss"])
            speed = (done - first) / (perf_counter() - began)
            self.log.add(losses)
            if done % table.log_every == 0:
                self.log.write(done, self.trainer.learning_rate, speed)
            self.bar.update(done, f"{speed:.2f} it/s  loss {self.log.summary()}")
            if table.snapshots and done % table.snapshots == 0:
                _snapshot(self.experiment.train_folder, done, batch, self.trainer.predict(batch))
            if done % table.checkpoints == 0 or done == last:
                self.trainer.save(self.experiment.checkpoint_path(done))
                logger.info("checkpoint of iteration %d, %.2f it/s, loss %s", done, speed, self.log.summary())
                paused = perf_counter()
                self._look(done)
                began += perf_counter() - paused
                if self.monitor.verdict():
                    break
        return done

    def _look(self, iteration: int) -> None:
        if not self.monitor.wanted:
            return
        self.bar.note("validation")
        values = self.monitor.look(iteration, self.trainer)
        self.log.scalars(iteration, values)
        listing = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        self.terminal.say(f"iteration {iteration}: {listing}")

    def _check(self, iteration: int, loss: float) -> None:
        if not math.isfinite(loss):
            raise StageError(
                f"The loss is no longer a number at iteration {iteration}. Checkpoints up to here are kept in "
                f"{self.experiment.train_folder / 'checkpoints'}; try a smaller optimizer.lr."
            )


def _snapshot(folder: Path, iteration: int, batch: Batch, prediction: dict[str, Any]) -> None:
    """Write a batch, with its targets and the network's output, for inspection: arrays (B, C, Z, Y, X)."""
    with replacing_hdf(folder / "snapshots" / f"batch_{iteration:08d}.hdf") as file:
        arrays: dict[str, Any] = {"raw": batch.raw, "region": batch.region}
        arrays |= {f"gt_{name}": target for name, target in batch.targets.items()}
        arrays |= {f"pred_{name}": np.moveaxis(output, -1, 1) for name, output in prediction.items()}
        for name, array in arrays.items():
            dataset = file.create_dataset(f"volumes/{name}", data=array, compression="gzip", compression_opts=1)
            # Targets lie in the middle of the input.
            dataset.attrs["offset"] = (np.array(batch.raw.shape[2:]) - array.shape[2:]) // 2
