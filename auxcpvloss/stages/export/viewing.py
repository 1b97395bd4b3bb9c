"""Test volumes with all that there is to see of them."""

from __future__ import annotations

from auxcpvloss.config.units import Space
from auxcpvloss.data.annotated import without_ignored
from auxcpvloss.data.missing_chunks import read
from auxcpvloss.looking.handover.scene import Scene, errors_of_labels, errors_of_points
from auxcpvloss.looking.handover.viewer import obstacle, show
from auxcpvloss.stages.chosen_checkpoint import chosen, subjects
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume.instances import read_instances
from auxcpvloss.stages.volume.scores import outcome_of
from auxcpvloss.stages.volume.subject import Subject


def view_of(run: Run, subject: Subject) -> Scene:
    """Read a labelled volume, and find what is wrong with it, the way that it is scored."""
    experiment, sample = run.experiment, subject.sample.original
    outcome, errors = outcome_of(run, subject), []
    if outcome.comparison:
        judge = errors_of_points if outcome.shows_points else errors_of_labels
        errors = judge(outcome.comparison)
    return Scene(
        name=sample.name,
        raw=outcome.raw,
        found=read_instances(run, subject),
        is_points=experiment.method.task == "detection",
        truth=without_ignored(read(sample.truth)) if sample.is_sparse else outcome.truth,
        errors=tuple(errors),
        space=Space(sample.voxel_size, sample.offset, experiment.config.data.voxel_unit),
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
    run.terminal.say("opening napari; close its window to end this command")
    title = f"{run.experiment.folder.name}, checkpoint {selection.checkpoint}"
    show(title, list(shown), lambda name: view_of(run, shown[name]))
