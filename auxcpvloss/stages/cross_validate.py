"""Estimate how a chosen checkpoint and parameters do on volumes that they were not chosen on."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auxcpvloss.data.folds import deal
from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.versions import version_of
from auxcpvloss.stages.records import Result, current, record_beside
from auxcpvloss.stages.selecting import validated_from
from auxcpvloss.stages.stored import stored_beside
from auxcpvloss.stages.validating import checkpoints_to_validate, score_validation, validation_samples
from auxcpvloss.stages.validation_table import Score, best_of
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text
from auxcpvloss.system.terminal import Terminal


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


def cross_validate(experiment: Experiment, terminal: Terminal) -> None:
    """Cross-validate over the validation volumes, dealt into two halves by their names and ``general.seed``.

    Uses the results of the stage validate_checkpoints, and makes those that are not there. Writes
    ``val/cross_validation.csv``.

    Raises
    ------
    InputError
        Fewer than two validation volumes, or no checkpoints.
    """
    samples = validation_samples(experiment)
    names = [sample.name for sample in samples]
    if len(names) < 2:
        raise InputError(
            f"cross_validate: needs at least two validation volumes with labels, there is {names[0]} only. "
            "Add some (data.val_data), or use validate_checkpoints."
        )
    checkpoints = checkpoints_to_validate(experiment)
    scores = score_validation(experiment, terminal, checkpoints)
    folds = cross_validated(scores, names, deal(names, 2, experiment.config.general.seed))
    # Each volume is held out once: every one of them counts the same, whatever the sizes of the halves.
    mean = float(np.mean([value for fold in folds for value in fold.held_out.values]))
    columns = ["fold", "chosen on", "scored on", "checkpoint", "parameters", "score chosen", "score held out"]
    rows = [
        [number, ", ".join(fold.chosen_on), ", ".join(fold.scored_on), fold.chosen.checkpoint,
         fold.chosen.params.describe(), fold.chosen.value, fold.held_out.value]
        for number, fold in enumerate(folds, start=1)
    ]  # fmt: skip
    result = cross_validation_of(experiment, checkpoints, samples)
    path, metric = result.paths[0], experiment.metric
    if not current(experiment, result):
        _write(path, folds, mean)
        record_beside(result)
    terminal.table(f"{experiment.folder.name}: {metric}", columns, rows)
    terminal.say(f"{metric} = {mean:.3f}, mean over {len(names)} volumes, each held out once: {path}")


def cross_validation_of(experiment: Experiment, checkpoints: Sequence[int], samples: Sequence[Sample]) -> Result:
    """Say what the table of the cross-validation is to be made from."""
    validated = validated_from(experiment, checkpoints, samples)
    made_from = {**validated, **version_of("cross_validate"), "general": {"seed": experiment.config.general.seed}}
    path = experiment.selection_path.with_name("cross_validation.csv")
    return Result("cross_validate", "the cross-validation", (path,), made_from, stored_beside(path))


def _restricted(score: Score, names: Sequence[str], to: Sequence[str]) -> Score:
    values = tuple(value for name, value in zip(names, score.values, strict=True) if name in to)
    return Score(score.checkpoint, score.params, values, score.made)


def _write(path: Path, folds: Sequence[Fold], mean: float) -> None:
    fields = list(type(folds[0].chosen.params).model_fields)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["fold", "chosen_on", "scored_on", "checkpoint", *fields, "score_chosen", "score_held_out"])
    for number, fold in enumerate(folds, start=1):
        params, scores = fold.chosen.params.model_dump().values(), (fold.chosen.value, fold.held_out.value)
        names = (";".join(fold.chosen_on), ";".join(fold.scored_on))
        writer.writerow([number, *names, fold.chosen.checkpoint, *params, *(f"{score:.6f}" for score in scores)])
    writer.writerow(["mean", *[""] * (len(fields) + 4), f"{mean:.6f}"])
    write_text(path, text.getvalue())
