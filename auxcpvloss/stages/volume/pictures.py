"""Pictures of the instances of a volume."""

from __future__ import annotations

from pathlib import Path

from auxcpvloss.data.samples import Sample
from auxcpvloss.data.whole import read
from auxcpvloss.experiment.fingerprint import Record
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.instances import scored_points
from auxcpvloss.experiment.results import Result, stored_beside
from auxcpvloss.looking.figures.detection import detection_figure, points_figure
from auxcpvloss.looking.figures.layout import save
from auxcpvloss.looking.figures.palette import palette_of
from auxcpvloss.looking.figures.segmentation import segmentation_figure
from auxcpvloss.metrics.detection import centers_of_mass
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume import instances, scores
from auxcpvloss.stages.volume.instances import instances_of, read_instances
from auxcpvloss.stages.volume.scores import scored_instances, scores_of
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


def shows_points(experiment: Experiment, sample: Sample) -> bool:
    """Whether a picture of points says what was right and wrong: to compare outlines both sides need them."""
    return experiment.is_detection or not sample.has_labels


def draw(run: Run, result: Result) -> None:
    """Draw what was found in a volume beside its ground truth."""
    experiment, subject, sample = run.experiment, result.subject, result.subject.sample
    found, truth = scored_instances(run, subject)
    raw, colors = read(sample.raw), palette_of(experiment.config)
    title = f"{sample.name}, {experiment.method.name}, checkpoint {subject.checkpoint}"
    if shows_points(experiment, sample):
        detections = scored_points(experiment.config.evaluation, found, truth, sample)
        figure = detection_figure(raw, detections, sample.voxel_size, title, colors)
    else:
        figure = segmentation_figure(raw, found, truth, sample.voxel_size, title, colors=colors)
    save(result.paths[0], figure)


def draw_without_truth(run: Run, result: Result) -> None:
    """Draw what was found in a volume of which nobody knows what there is."""
    sample, colors = result.subject.sample, palette_of(run.experiment.config)
    found, raw = read_instances(run, result.subject), read(sample.raw)
    points = centers_of_mass(found)
    title = f"{sample.name}: {len(points)} nuclei"
    if run.experiment.is_detection:
        figure = points_figure(raw, points, sample.voxel_size, title, colors)
    else:
        figure = segmentation_figure(raw, found, None, sample.voxel_size, title, colors=colors)
    save(result.paths[0], figure)
