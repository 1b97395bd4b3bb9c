"""The iterations of a training, with all that is written on the way."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection_file import last_iteration
from auxcpvloss.experiment.training_files import note_files
from auxcpvloss.stages.train.clock import Clock, advice
from auxcpvloss.stages.train.images import batch_images
from auxcpvloss.stages.train.log import TrainingLog
from auxcpvloss.stages.train.monitor import Monitor
from auxcpvloss.system.errors import StageError
from auxcpvloss.system.files import replacing_hdf
from auxcpvloss.system.processors import usable_cores
from auxcpvloss.system.signals import Deferred
from auxcpvloss.system.terminal import Bar, Terminal

if TYPE_CHECKING:
    from auxcpvloss.network.batch import Batch
    from auxcpvloss.network.trainer import Begun, Ready, Trainer

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
    workers : int
        Processes that make batches.
    """

    def __init__(
        self,
        experiment: Experiment,
        terminal: Terminal,
        trainer: Trainer,
        monitor: Monitor,
        log: TrainingLog,
        bar: Bar,
        workers: int,
    ) -> None:
        self.experiment, self.terminal = experiment, terminal
        self.trainer, self.monitor, self.log, self.bar = trainer, monitor, log, bar
        self.workers = workers
        self.clock = Clock(0)
        self._begun: deque[Begun] = deque()
        self._finished: tuple[Begun, Mapping[str, float]]
        self._is_advised = False

    def run(self, stream: Iterable[Ready], first: int) -> int:
        """Train on each batch in turn, until the monitor wants no more.

        Parameters
        ----------
        stream : iterable of Ready
        first : int
            Iterations that were done before.

        Returns
        -------
        int
            Iterations that are done now.

        Raises
        ------
        StageError
            The loss, or a weight, is no longer a number.
        Ended
            A signal came; what was done is kept.
        """
        checkpoints, last, done = self.experiment.config.training.checkpoints, last_iteration(self.experiment), first
        # What is kept of an interrupted training is no checkpoint: nothing is looked at there.
        if first in self.experiment.checkpoints.iterations() and self.monitor.lacks(first):
            self._look(first)
        if self.monitor.verdict():
            return first
        self.clock = Clock(first)
        with Deferred() as signals:
            for done, ready in enumerate(self.clock.timed(stream), start=first + 1):
                self._step(done, ready)
                if done % checkpoints == 0 or done == last:
                    self._save(self.experiment.checkpoints.path(done))
                    logger.info("checkpoint of iteration %d, %s", done, self._progress(done))
                    self._advise()
                    with signals.released():
                        self._look(done)
                    if self.monitor.verdict():
                        break
                elif signals.number:
                    path = self.experiment.checkpoints.resume_path(done)
                    self._save(path)
                    self.terminal.say(f"stop requested: iteration {done} is saved in {path}")
                if signals.number:
                    break
        return done

    def _step(self, done: int, ready: Ready) -> None:
        """Train on a batch, and write down how the one before it went, with which the device may have been busy."""
        snapshots = self.experiment.config.training.snapshots
        self._begun.append(self.trainer.step(done, ready))
        self._finish(but=0 if self.trainer.looks_back else 1)
        if snapshots and done % snapshots == 0:
            self._finish()
            batch, outputs = ready.batch, self.trainer.predict(ready.batch)
            arrays = {f"pred_{name}": out for name, out in outputs.items()}
            _snapshot(self._snapshot_path("batch", done), batch, arrays)
            self.log.images(done, batch_images(batch.raw, batch.targets, outputs))

    def _finish(self, but: int = 0) -> None:
        """Wait for the iterations that were begun, but for so many, and write down how they went."""
        while len(self._begun) > but:
            begun = self._begun.popleft()
            done, losses = begun.iteration, self.trainer.finish(begun)
            self._finished = begun, losses
            if not math.isfinite(losses["loss"]):
                self._stop("The loss is")
            self.log.add(losses)
            if done % self.experiment.config.training.log_every == 0:
                self.log.write(done, float(begun.learning_rate), self.clock.speed(done), self.clock.waited_for_line())
            self.bar.update(done, self._progress(done))

    def _save(self, path: Path) -> None:
        """Write a state that training can go on from, and remove those that it makes needless."""
        self._finish()
        if not self.trainer.is_finite:
            self._stop("A weight is")
        self.trainer.save(path, {"log": self.log.state})
        note_files(self.experiment, [path])
        for left in self.experiment.train_folder.glob("resume/*.keras"):
            if left != path:
                left.unlink()

    def _advise(self) -> None:
        """Say once what to do if batches come too slowly."""
        if not self._is_advised:
            told = advice(self.clock.waited, self.workers, usable_cores())
            self._is_advised = bool(told)
            if told:
                self.terminal.say(told)

    def _look(self, iteration: int) -> None:
        if not self.monitor.wanted:
            return
        self.bar.update(note="validation")
        with self.clock.paused():
            values = self.monitor.look(iteration, self.trainer)
            note_files(self.experiment, [self.monitor.path])
        self.log.scalars(iteration, values)
        listing = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        self.terminal.say(f"iteration {iteration}: {listing}")

    def _stop(self, what: str) -> NoReturn:
        """End the training; nothing of the iteration that finished last is kept but the batch."""
        begun, losses = self._finished
        iteration, batch = begun.iteration, begun.batch
        path = self._snapshot_path("not_finite", iteration)
        _snapshot(path, batch, {f"losses/{name}": np.float64(value) for name, value in losses.items()})
        raise StageError(
            f"{what} not finite (NaN or infinite) at iteration {iteration}; the batch is in {path}. Earlier "
            f"checkpoints are kept in {self.experiment.train_folder / 'checkpoints'}; try a smaller optimizer.lr."
        )

    def _progress(self, done: int) -> str:
        speed, waited = self.clock.speed(done), self.clock.waited
        return f"{speed:.2f} it/s, waited for data {waited:.0%}, loss {self.log.summary()}"

    def _snapshot_path(self, kind: str, iteration: int) -> Path:
        return self.experiment.train_folder / "snapshots" / f"{kind}_{iteration:08d}.hdf"


def _snapshot(path: Path, batch: Batch, more: Mapping[str, Any]) -> None:
    """Write a batch, with its targets, for inspection: arrays (B, C, Z, Y, X), and `more`, such arrays or numbers."""
    with replacing_hdf(path) as file:
        arrays: dict[str, Any] = {"raw": batch.raw, "region": batch.region}
        arrays |= {f"gt_{name}": target for name, target in batch.targets.items()}
        for name, array in {**arrays, **more}.items():
            if np.ndim(array) == 0:
                file[name] = array
                continue
            dataset = file.create_dataset(f"volumes/{name}", data=array, compression="gzip", compression_opts=1)
            # Targets lie in the middle of the input.
            dataset.attrs["offset"] = (np.array(batch.raw.shape[2:]) - array.shape[2:]) // 2
