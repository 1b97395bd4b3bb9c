"""Pictures of the instances of a volume."""

from __future__ import annotations

from pathlib import Path

from auxcpvloss.experiment.fingerprint import Record
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.experiment.results import Result, stored_beside
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume import instances, scores
from auxcpvloss.stages.volume.instances import instances_of
from auxcpvloss.stages.volume.scores import outcome_of, scores_of, shows_points
from auxcpvloss.stages.volume.subject import Subject

PICTURES = "pictures"


def picture_of(run: Run, subject: Subject) -> Result:
    """Say what the picture of a scored volume is to be made from.

    One of points has a place of its own: the same scores may be looked at either way.
    """
    scored = scores_of(run, subject)
    points = "_points" if shows_points(run.experiment, subject.sample) else ""
    path = scored.paths[0].with_name(f"{subject.sample.name}{points}.png")
    return _picture(scores.NAME, scored, drawn_from(run.experiment, scored), path)


def picture_without_truth_of(run: Run, subject: Subject) -> Result:
    """Say what the picture of the instances of a volume without ground truth is to be made from."""
    labelled = instances_of(run, subject)
    options = {"do_detection": run.experiment.is_detection, "colors": run.experiment.config.evaluation.colors}
    path = labelled.paths[0].with_suffix(".png")
    return _picture(instances.NAME, labelled, {**labelled.record, "evaluation": options}, path)


def _picture(stage: str, of: Result, record: Record, path: Path) -> Result:
    return Result(stage, PICTURES, of.name, (path,), record, stored_beside(path), of.subject, is_beside=True)


def drawn_from(experiment: Experiment, scored: Result) -> Record:
    """Say what a picture of scores is to be made from: the same, and the colors."""
    options = {**scored.record["evaluation"], "colors": experiment.config.evaluation.colors}
    return {**scored.record, "evaluation": options}


def draw(run: Run, result: Result) -> None:
    """Draw what was found in a volume beside its ground truth."""
    experiment, subject = run.experiment, result.subject
    checkpoint = f", checkpoint {subject.checkpoint}" if experiment.method.has_network else ""
    title = f"{subject.sample.name}, {experiment.model_name}{checkpoint}"
    _draw(run, result, outcome_of(run, subject), title)


def draw_without_truth(run: Run, result: Result) -> None:
    """Draw what was found in a volume of which nobody knows what there is."""
    outcome = outcome_of(run, result.subject)
    _draw(run, result, outcome, f"{outcome.name}: {len(outcome.centers)} nuclei")


def _draw(run: Run, result: Result, outcome: Outcome, title: str) -> None:
    # Only who draws waits for matplotlib.
    from auxcpvloss.looking.figures.layout import save
    from auxcpvloss.looking.figures.palette import palette_of
    from auxcpvloss.looking.figures.volume import volume_figure

    save(result.paths[0], volume_figure(outcome, title, palette_of(run.experiment.config)))
