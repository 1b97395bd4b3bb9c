"""From checkpoints and sets of parameters to their scores on the validation volumes."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.means import Checkpoint, mean_of
from auxcpvloss.experiment.results import Result, read_table
from auxcpvloss.experiment.validation import Score, parameter_sets
from auxcpvloss.methods import Params
from auxcpvloss.metrics.table import value_at
from auxcpvloss.stages.planned_samples import samples_of
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import lacking
from auxcpvloss.stages.volume import prediction, scores
from auxcpvloss.stages.volume.instances import instances_of
from auxcpvloss.stages.volume.make import make_together
from auxcpvloss.stages.volume.prediction import prediction_of
from auxcpvloss.stages.volume.scores import need_metric, scores_of, scores_path
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.errors import InputError


class NoNucleiError(InputError):
    """No validation volume has nuclei."""


def volumes_with_truth(run: Run) -> list[Sample]:
    """Give the validation volumes that have ground truth; an `InputError` says if there are none."""
    samples = [sample for sample in samples_of(run, "val") if sample.has_truth]
    if not samples:
        raise lacking("val")
    return samples


def validation_samples(run: Run) -> list[Sample]:
    """Give the validation volumes that can be scored: those with nuclei, since without any there is no AP.

    Raises
    ------
    InputError
        There are none, or one of them has no such score as decides.
    """
    samples = [sample for sample in volumes_with_truth(run) if sample.has_nuclei]
    if not samples:
        names = ", ".join(sample.name for sample in volumes_with_truth(run))
        raise NoNucleiError(
            f"no validation volume has nuclei ({names}): AP would be 1 for a network that finds nothing, so nothing "
            "can be selected by it. Add volumes with nuclei (data.val_data), or set training.early_stop = 0 and use "
            "--test-checkpoint last instead of validate_checkpoints."
        )
    need_metric(run.experiment, samples)
    return samples


def left_out(run: Run) -> str:
    """Say which validation volumes are not scored, since they have no nuclei; "" if there are none."""
    names = [sample.name for sample in volumes_with_truth(run) if not sample.has_nuclei]
    return f"left out, since without nuclei there is no AP: {', '.join(names)}" if names else ""


def checkpoints_to_validate(experiment: Experiment) -> list[Checkpoint]:
    """Give the checkpoints that ``validation.checkpoints`` names, else all that were saved; then the mean of the last.

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
    last = there[-number:] if (number := experiment.config.validation.average_last) else []
    return [*(sorted(set(wanted)) or there), *([mean_of(last)] if len(last) > 1 else [])]


def predictions_of(run: Run, checkpoints: Sequence[Checkpoint]) -> Iterator[Result]:
    """Give the predictions of the validation volumes; each holds what any of the parameter sets to be tried needs."""
    for checkpoint in checkpoints:
        for subject in _subjects(run, checkpoint):
            yield prediction_of(run, subject)


def predicted_and_scored(run: Run, tried: Mapping[Checkpoint, Sequence[Params]]) -> Iterator[Result]:
    """Give the prediction of each validation volume with each checkpoint, followed by what is made of it."""
    for checkpoint, sets in tried.items():
        for subject in _subjects(run, checkpoint):
            yield prediction_of(run, subject)
            yield from scored_with_all(run, subject, sets)


def scored_with_all(run: Run, subject: Subject, sets: Sequence[Params]) -> Iterator[Result]:
    """Give the scores of a volume with parameter sets, one job; and the instances, if ``validation.keep`` asks."""
    for params in sets:
        made = [scores_of(run, subject.with_params(params))]
        if run.experiment.config.validation.keep == "instances":
            made.insert(0, instances_of(run, subject.with_params(params)))
        for result in made:
            yield replace(result, job=(subject.checkpoint, subject.sample.name))


def _subjects(run: Run, checkpoint: Checkpoint) -> list[Subject]:
    sets, split = tuple(parameter_sets(run.experiment)), run.experiment.validation_split
    return [Subject(split, checkpoint, sample, sets[0], sets) for sample in validation_samples(run)]


def read_values(run: Run, tried: Mapping[Checkpoint, Sequence[Params]]) -> list[Score]:
    """Read the scores of checkpoints with parameter sets, by checkpoint, in the order of the sets."""
    scores = []
    for checkpoint, sets in tried.items():
        subjects = _subjects(run, checkpoint)
        for params in sets:
            values = tuple(_value(run, subject.with_params(params)) for subject in subjects)
            scores.append(Score(checkpoint, params, values))
    return scores


def are_scored(run: Run, tried: Mapping[Checkpoint, Sequence[Params]]) -> bool:
    """Whether the scores of all checkpoints with their parameter sets are there."""
    return all(
        run.state(scores_of(run, subject.with_params(params))).kind == "whole"
        for checkpoint, sets in tried.items()
        for subject in _subjects(run, checkpoint)
        for params in sets
    )


def _value(run: Run, subject: Subject) -> float:
    path = scores_path(run.experiment, subject)

    def read() -> float:
        # What was just made need not be asked what it is made from.
        return float(value_at(read_table(path), run.experiment.metric))

    # Once, unless it is made again.
    return run.remember(("value", path, path.stat().st_mtime_ns), read)


def score_checkpoint(run: Run, checkpoint: Checkpoint, params: Params, samples: Sequence[Sample]) -> float:
    """Predict, label and evaluate the validation volumes with one checkpoint; gives the mean of the metric."""
    split = run.experiment.validation_split
    subjects = [Subject(split, checkpoint, sample, params) for sample in samples]
    for subject in subjects:
        predicted = prediction_of(run, subject)
        if not run.is_current(predicted, prediction.LIBRARIES):
            run.make_way(predicted)
            prediction.predict(predicted, run)
            run.forget(predicted)
    # The network of the prediction, which refers to itself, is not to stay beside the one in training.
    run.forget()
    gc.collect()
    for subject in subjects:
        scored = scores_of(run, subject)
        if not run.is_current(scored, scores.LIBRARIES):
            list(make_together([scored], run))
    return Score(checkpoint, params, tuple(_value(run, subject) for subject in subjects)).value
