"""Test volumes with all that there is to see of them."""

from __future__ import annotations

from auxcpvloss.config.units import Space
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.whole import read
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.instances import scored_points
from auxcpvloss.looking.handover.errors import Errors, errors_of_labels, errors_of_points
from auxcpvloss.looking.handover.view import View
from auxcpvloss.looking.handover.viewer import obstacle, show
from auxcpvloss.stages.chosen import chosen, subjects
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume.instances import read_instances
from auxcpvloss.stages.volume.scores import scored_instances
from auxcpvloss.stages.volume.subject import Subject


def space_of(experiment: Experiment, sample: Sample) -> Space:
    """Say where a volume lies in space."""
    return Space(sample.voxel_size, sample.offset, experiment.config.data.voxel_unit)


def view_of(run: Run, subject: Subject) -> View:
    """Read a labelled volume, and find what is wrong with it, the way that it is scored."""
    experiment, sample = run.experiment, subject.sample
    errors: list[Errors] = []
    if sample.has_truth:
        scored, truth = scored_instances(run, subject)
        if experiment.is_detection or truth is None:
            errors = errors_of_points(scored_points(experiment.config.evaluation, scored, truth, sample))
        else:
            errors = errors_of_labels(truth, scored, experiment.config.evaluation.use_linear_sum_assignment)
    return View(
        name=sample.name,
        raw=read(sample.raw),
        found=read_instances(run, subject),
        is_points=experiment.method.task == "detection",
        truth=None if sample.truth is None else read(sample.truth),
        errors=tuple(errors),
        space=space_of(experiment, sample),
    )


def look(run: Run, asked: bool | None) -> None:
    """Open the test volumes in napari after a command has ended, if it can be; say why not otherwise.

    Parameters
    ----------
    run : Run
    asked : bool, optional
        See `viewer.obstacle`.
    """
    if asked is False or "visualize" not in run.stages:
        return
    run.terminal.stage = "visualize"
    if problem := obstacle(asked):
        run.terminal.say(f"not opened in napari: {problem}")
        return
    selection = chosen(run, by_hand=True)
    shown = {subject.sample.name: subject for subject in subjects(run, selection)}
    run.terminal.say("opening napari; this ends when its window is closed")
    title = f"{run.experiment.folder.name}, checkpoint {selection.checkpoint}"
    show(title, list(shown), lambda name: view_of(run, shown[name]))
