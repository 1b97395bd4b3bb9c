"""Estimate how a chosen checkpoint and parameters do on volumes that they were not chosen on."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auxcpvloss.data.folds import deal
from auxcpvloss.data.groups import members
from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.experiment.results import Result, State
from auxcpvloss.experiment.validation import Score, best_of
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Tally
from auxcpvloss.stages.validate_checkpoints.choose import Validation
from auxcpvloss.stages.validate_checkpoints.scoring import validation_samples
from auxcpvloss.stages.validate_checkpoints.selected_from import validated_from
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text
from auxcpvloss.system.printable import for_spreadsheet


@dataclass(frozen=True)
class Fold:
    """What was chosen on some of the volumes, and how it does on the others.

    Attributes
    ----------
    chosen_on, scored_on : list of str
        Names of the volumes.
    chosen, held_out : Score
        Of the same checkpoint and parameters: on the volumes that they were chosen on, on the others.
    """

    chosen_on: list[str]
    scored_on: list[str]
    chosen: Score
    held_out: Score


def cross_validated(scores: Sequence[Score], names: Sequence[str], halves: Sequence[list[str]]) -> list[Fold]:
    """Choose on one half of the volumes and score on the other, both ways.

    Parameters
    ----------
    scores : sequence of Score
        Of all checkpoints and parameters.
    names : sequence of str
        The volumes, in the order of the values of the scores.
    halves : two lists of str
    """
    folds = []
    for on, out in (halves, halves[::-1]):
        best = best_of([_restricted(score, names, on) for score in scores])
        same = next(s for s in scores if (s.checkpoint, s.params) == (best.checkpoint, best.params))
        folds.append(Fold(on, out, best, _restricted(same, names, out)))
    return folds


class CrossValidate(Validation):
    """``val/cross_validation.csv``: both halves, dealt by their names, groups and ``general.seed``."""

    name, help = "cross_validate", "select on one half of the validation volumes, score the other half"
    in_all = False

    def checkpoints(self, run: Run) -> Sequence[Checkpoint]:
        there = _groups(run)
        if len(there) < 2:
            what = "groups (data.groups) of " if run.experiment.config.data.groups else ""
            raise InputError(
                f"cross_validate: needs at least two {what}validation volumes with labels, but there is only "
                f"{there[0]}. Add more (data.val_data), or use validate_checkpoints."
            )
        return super().checkpoints(run)

    def tables(self, run: Run, checkpoints: Sequence[Checkpoint]) -> Iterable[Result]:
        validated = validated_from(run.experiment, checkpoints, validation_samples(run))
        made_from = {**validated, **self.versioned(), "general": {"seed": run.experiment.config.general.seed}}
        if groups := run.experiment.config.data.groups:
            made_from["data"] = {"groups": groups}
        path = run.experiment.selection_path.with_name("cross_validation.csv")
        yield self.beside(run, "table", path, made_from, name=path.name)

    def states(self, run: Run) -> Iterable[tuple[str, str, State]]:
        if len(_groups(run)) > 1:
            for result in self.tables(run, self.checkpoints(run)):
                yield result.kind, result.name, run.state(result)

    def make(self, result: Result, run: Run) -> None:
        folds = self._folds(run)
        _write(result.paths[0], folds, _mean(folds))

    def say_scores(self, run: Run, tally: Tally) -> None:
        columns = ["fold", "chosen on", "scored on", "checkpoint", "parameters", "score chosen", "score held out"]
        folds, metric = self._folds(run), run.experiment.metric
        rows = [
            [number, ", ".join(fold.chosen_on), ", ".join(fold.scored_on), fold.chosen.checkpoint,
             fold.chosen.params.describe(), fold.chosen.value, fold.held_out.value]
            for number, fold in enumerate(folds, start=1)
        ]  # fmt: skip
        count = sum(len(fold.scored_on) for fold in folds)
        run.terminal.table(f"{run.experiment.folder.name}: {metric}", columns, rows)
        run.terminal.say(
            f"{metric} = {_mean(folds):.3f}, mean over {count} volumes, each held out once: "
            f"{tally.of('table')[0].paths[0]}"
        )

    def plan(self, run: Run) -> str:
        return super().plan(run).replace(":", ", in two halves:", 1)

    def _folds(self, run: Run) -> list[Fold]:
        names, config = [sample.name for sample in validation_samples(run)], run.experiment.config
        halves = deal(names, 2, config.general.seed, config.data.groups)
        return cross_validated(self.scores(run), names, halves)


def _groups(run: Run) -> list[str]:
    """Name the groups of the validation volumes: the volumes themselves, where there are no groups."""
    return list(members([sample.name for sample in validation_samples(run)], run.experiment.config.data.groups))


def _mean(folds: Sequence[Fold]) -> float:
    """Mean over volumes: each is held out once, and counts the same whatever the sizes of the halves."""
    return float(np.mean([value for fold in folds for value in fold.held_out.values]))


def _restricted(score: Score, names: Sequence[str], to: Sequence[str]) -> Score:
    values = tuple(value for name, value in zip(names, score.values, strict=True) if name in to)
    return Score(score.checkpoint, score.params, values)


def _write(path: Path, folds: Sequence[Fold], mean: float) -> None:
    fields = list(type(folds[0].chosen.params).model_fields)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["fold", "chosen_on", "scored_on", "checkpoint", *fields, "score_chosen", "score_held_out"])
    for number, fold in enumerate(folds, start=1):
        params, scores = fold.chosen.params.model_dump().values(), (fold.chosen.value, fold.held_out.value)
        names = [";".join(map(for_spreadsheet, each)) for each in (fold.chosen_on, fold.scored_on)]
        writer.writerow([number, *names, fold.chosen.checkpoint, *params, *(f"{score:.6f}" for score in scores)])
    writer.writerow(["mean", *[""] * (len(fields) + 4), f"{mean:.6f}"])
    write_text(path, text.getvalue())
