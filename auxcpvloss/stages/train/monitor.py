"""How a training does on the validation volumes: loss and score at every checkpoint, and when to stop."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from auxcpvloss.augment import switched_off
from auxcpvloss.experiment.training_files import log_problem
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.train.preconditions import need_masks
from auxcpvloss.stages.validate_checkpoints.scoring import score_checkpoint, validation_samples, volumes_with_truth
from auxcpvloss.system.backends import hidden
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text

if TYPE_CHECKING:
    from auxcpvloss.network.batch import Batch
    from auxcpvloss.network.trainer import Trainer
    from auxcpvloss.pipeline.batch_maker import BatchMaker

NAME = "validation.csv"

Row = dict[str, str]


class Monitor:
    """Writes ``train/validation.csv``: a line a checkpoint.

    Parameters
    ----------
    run : Run
    first : int
        Iteration that the training goes on from; later lines are dropped.

    Raises
    ------
    InputError
        There are no validation volumes, or none with nuclei to score, and something is to be computed on them; or they
        have points only, and the loss needs masks.
    """

    def __init__(self, run: Run, first: int) -> None:
        experiment = run.experiment
        table = experiment.config.training
        self._run, self._experiment = run, experiment
        self._batches, self._patience = table.validation_batches, table.early_stop
        self.path = experiment.train_folder / NAME
        # A table that was edited decides nothing.
        self._is_lost = bool(log_problem(experiment, NAME))
        known = {} if self._is_lost else _read(self.path)
        self._rows = {i: row for i, row in known.items() if i <= first}
        # A loss can be computed also where nothing is to be found.
        self._volumes = volumes_with_truth(run) if self._batches else []
        self._scored_volumes = validation_samples(run) if self._patience else []
        need_masks(experiment, self._volumes)
        self._maker: BatchMaker | None = None

    @property
    def wanted(self) -> bool:
        """Whether anything is to be computed at checkpoints."""
        return bool(self._batches or self._patience)

    def lacks(self, iteration: int) -> bool:
        """Whether something is still to be computed for the checkpoint of this iteration."""
        row = self._rows.get(iteration, {})
        return bool((self._batches and not row.get("val_loss")) or (self._patience and not self._scored(row)))

    def look(self, iteration: int, trainer: Trainer) -> dict[str, float]:
        """Compute and record what is asked for; the checkpoint of this iteration is written already.

        Returns
        -------
        dict
            ``val_loss``, ``val_<head>_loss``, ``score``.
        """
        values: dict[str, float] = {}
        if self._batches:
            losses = [trainer.losses(batch) for batch in self._fixed_batches()]
            names = sorted(losses[0], key=lambda name: name != "loss")
            values |= {f"val_{name}": float(np.mean([each[name] for each in losses])) for name in names}
        if self._patience:
            if self._is_lost:
                self._score_earlier(iteration)
            values["score"] = self._score(iteration)
        numbers = {name: f"{value:.6g}" for name, value in values.items()}
        self._rows[iteration] = {"iteration": str(iteration), **numbers, **self._scored_with()}
        self._write()
        return values

    def verdict(self) -> str:
        """Say why training ends here; "" while it does not."""
        scores = {i: float(row["score"]) for i, row in sorted(self._rows.items()) if self._scored(row)}
        if not self._patience or not scores:
            return ""
        # The first of equals: a score that is only reached again is not beaten.
        best = max(scores, key=lambda iteration: scores[iteration])
        since = sum(iteration > best for iteration in scores)
        if since < self._patience:
            return ""
        metric = self._experiment.metric
        nothing = "" if scores[best] else "; nothing was found correctly with the parameters of [postprocessing]"
        return (
            f"stopped early at iteration {max(scores)}: {metric} = {scores[best]:.3f} of iteration {best} was not "
            f"exceeded at {since} checkpoint{'s' * (since != 1)}{nothing}"
        )

    def _fixed_batches(self) -> Iterator[Batch]:
        # gunpowder imports the libraries of all backends that it finds.
        with hidden():
            from auxcpvloss.pipeline.batch_maker import BatchMaker

        if self._maker is None:
            config = switched_off(self._experiment.config)
            self._maker = BatchMaker(self._volumes, self._experiment.method, config)
        # Made anew each time: they take less time than the memory that they would need otherwise is worth.
        return (self._maker.make(index) for index in range(self._batches))

    def _score_earlier(self, iteration: int) -> None:
        """Score the earlier checkpoints whose lines were lost: all scores decide when the training ends."""
        for earlier in self._experiment.checkpoints.iterations():
            if earlier < iteration and earlier not in self._rows:
                score = f"{self._score(earlier):.6g}"
                self._rows[earlier] = {"iteration": str(earlier), "score": score, **self._scored_with()}

    def _score(self, iteration: int) -> float:
        return score_checkpoint(self._run, iteration, self._experiment.params, self._scored_volumes)

    def _scored_with(self) -> Row:
        if not self._patience:
            return {}
        return {"metric": self._experiment.metric, "params": self._experiment.params.slug()}

    def _scored(self, row: Row) -> bool:
        """Whether a line has a score that compares with those of today."""
        return bool(row.get("score")) and {key: row.get(key) for key in ("metric", "params")} == self._scored_with()

    def _write(self) -> None:
        rows = [row for _, row in sorted(self._rows.items())]
        text = io.StringIO()
        # The newest line has every column; of an earlier one some may have been lost.
        writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows[::-1] for key in row)))
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path, text.getvalue())


def _read(path: Path) -> dict[int, Row]:
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {int(row["iteration"]): row for row in csv.DictReader(file)}
    except (ValueError, KeyError, csv.Error) as error:
        raise InputError(
            f"{path}: not readable as a table of losses and scores ({error}). Remove it, and run the stage train."
        ) from None
