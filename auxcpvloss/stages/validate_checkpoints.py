"""Find the checkpoint and the post-processing parameters that do best on the validation volumes."""

from __future__ import annotations

from collections.abc import Sequence

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import Selection, write_selection
from auxcpvloss.stages.parameter_sets import grids
from auxcpvloss.stages.records import beside, current, record_beside
from auxcpvloss.stages.selecting import selection_of
from auxcpvloss.stages.trained_models import select_by_trained_models
from auxcpvloss.stages.validating import (
    checkpoints_to_validate,
    predict_validation,
    score_validation,
    validation_samples,
)
from auxcpvloss.stages.validation_table import Score, best_of, write_scores
from auxcpvloss.system.terminal import Terminal


def validate_checkpoints(experiment: Experiment, terminal: Terminal) -> None:
    """Score every checkpoint with every set of parameters on the validation volumes.

    Writes ``val/scores.csv`` and, for the stages to come, ``val/selection.toml`` (in ``val_on_train/`` with
    ``validation.on_train``). With ``validation.trained_models`` the scores are the mean of those of other runs.

    Raises
    ------
    InputError
        No validation volumes, or no checkpoints.
    """
    if experiment.config.validation.trained_models:
        select_by_trained_models(experiment, terminal)
    else:
        # What is wrong with the volumes is said before what the training lacks.
        validation_samples(experiment)
        _choose(experiment, terminal, checkpoints_to_validate(experiment), "scores.csv")


def validate(experiment: Experiment, terminal: Terminal, checkpoint: int) -> None:
    """Choose the parameters for one checkpoint, as `validate_checkpoints` does for all of them.

    Writes ``val/scores_<checkpoint>.csv`` and ``val/selection.toml``.

    Raises
    ------
    InputError
        No validation volumes, or no such checkpoint.
    """
    _choose(experiment, terminal, [checkpoint], f"scores_{checkpoint}.csv")


def predict_only(experiment: Experiment, terminal: Terminal, checkpoints: Sequence[int]) -> None:
    """Predict the validation volumes, which is all that needs a GPU."""
    samples = predict_validation(experiment, terminal, checkpoints)
    listing = ", ".join(map(str, checkpoints))
    terminal.say(
        f"predicted {_counted(len(samples), 'volume')} with {_counted(len(checkpoints), 'checkpoint')} ({listing})"
    )


def _choose(experiment: Experiment, terminal: Terminal, checkpoints: Sequence[int], table: str) -> None:
    scores = score_validation(experiment, terminal, checkpoints)
    best, metric = best_of(scores), experiment.metric
    samples, count = validation_samples(experiment), len(scores) // len(checkpoints)
    result = selection_of(experiment, checkpoints, samples)
    listed = beside(result, experiment.selection_path.with_name(table), "the table of scores")
    if not current(experiment, listed):
        write_scores(listed.paths[0], scores, metric)
        record_beside(listed)
    if not current(experiment, result):
        selection = Selection(best.checkpoint, best.params)
        write_selection(experiment, selection, grids(experiment), best.value, result.made_from)
    if best.value == 0:
        terminal.warn(
            f"{metric} is 0 for every checkpoint with all of the parameters, so that there is nothing to choose by. "
            "Train longer (training.max_iterations), or try other thresholds ([validation])."
        )
    of = f"{_counted(len(checkpoints), 'checkpoint')} x {_counted(count, 'parameter set')}"
    _say_what_won(experiment, terminal, scores, best, of)


def _say_what_won(experiment: Experiment, terminal: Terminal, scores: Sequence[Score], best: Score, of: str) -> None:
    whole = "" if any(score.made for score in scores) else "whole already: "
    on_train = " that it was trained on" if experiment.config.validation.on_train else ""
    terminal.say(
        f"{whole}best of {of} on {_counted(len(best.values), 'volume')}{on_train}: "
        f"checkpoint {best.checkpoint}, {best.params.describe()}: {experiment.metric} = {best.value:.3f}"
    )


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' * (count != 1)}"
