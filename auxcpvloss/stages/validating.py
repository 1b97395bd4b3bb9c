"""From checkpoints and sets of parameters to their scores on the validation volumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.methods import Params
from auxcpvloss.stages.needs import lacking
from auxcpvloss.stages.parameter_sets import parameter_sets
from auxcpvloss.stages.predicting import predict_samples
from auxcpvloss.stages.scoring import need_metric
from auxcpvloss.stages.scoring_processes import Task, score_tasks
from auxcpvloss.stages.validation_table import Score
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.terminal import Terminal


def validation_samples(experiment: Experiment) -> list[Sample]:
    """Give the validation volumes that can be scored.

    Raises
    ------
    InputError
        There are none, or one of them has no such score as decides.
    """
    samples = [sample for sample in experiment.samples("val") if sample.has_truth]
    if not samples:
        raise lacking("val")
    need_metric(experiment, samples)
    return samples


def checkpoints_to_validate(experiment: Experiment) -> list[int]:
    """Give the checkpoints that ``validation.checkpoints`` names, else all that were saved.

    Where no checkpoint was brought to this machine these are the ones that the validation volumes were predicted with.

    Raises
    ------
    InputError
        One of them is not there, or none at all.
    """
    split, wanted = experiment.validation_split, experiment.config.validation.checkpoints
    there = experiment.usable_checkpoints(split)
    if not there:
        raise InputError(f"{experiment.train_folder}: no checkpoints to validate. Run the stage train.")
    for checkpoint in wanted:
        experiment.need_usable(split, checkpoint)
    return sorted(set(wanted)) or there


def predict_validation(experiment: Experiment, terminal: Terminal, checkpoints: Sequence[int]) -> list[Sample]:
    """Predict the validation volumes with each of the checkpoints; returns the volumes.

    A prediction holds what any of the parameter sets to be tried needs.
    """
    samples, sets = validation_samples(experiment), parameter_sets(experiment)
    with terminal.progress("checkpoints", len(checkpoints)) as bar:
        for number, checkpoint in enumerate(checkpoints):
            bar.update(number, f"checkpoint {checkpoint}")
            predict_samples(experiment, experiment.validation_split, checkpoint, samples, bar.note, sets)
    return samples


def score_validation(experiment: Experiment, terminal: Terminal, checkpoints: Sequence[int]) -> list[Score]:
    """Predict, label and evaluate the validation volumes with each of the checkpoints and parameter sets.

    Returns
    -------
    list of Score
        By checkpoint, in the order given; for each in the order of the parameter sets. The values are in the order of
        `validation_samples`.

    Raises
    ------
    InputError
        There are no validation volumes, or one of them cannot be predicted or scored.
    StageError
        A process that scores was killed.
    """
    samples, sets = predict_validation(experiment, terminal, checkpoints), parameter_sets(experiment)
    with terminal.progress("checkpoints x parameters x volumes", len(checkpoints) * len(sets) * len(samples)) as bar:
        return score_samples(experiment, checkpoints, sets, samples, bar.update)


def score_samples(
    experiment: Experiment,
    checkpoints: Sequence[int],
    sets: Sequence[Params],
    samples: Sequence[Sample],
    report: Callable[[int, str], None] = lambda done, note: None,
) -> list[Score]:
    """Label and evaluate predicted validation volumes; as `score_validation`, which has them predicted first."""
    split, results = experiment.validation_split, {}
    pairs = list(product(checkpoints, sets))
    tasks = [Task(split, checkpoint, params, sample) for checkpoint, params in pairs for sample in samples]
    for task, result in score_tasks(experiment, tasks):
        results[task] = result
        report(len(results), f"checkpoint {task.checkpoint}, {task.params.slug()}")
    scores = []
    for checkpoint, params in pairs:
        of = [results[Task(split, checkpoint, params, sample)] for sample in samples]
        scores.append(Score(checkpoint, params, tuple(one.value for one in of), sum(one.made for one in of)))
    return scores
