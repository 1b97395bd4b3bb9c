"""What was found in a labelled volume, as far as it is scored."""

from __future__ import annotations

from auxcpvloss.data.missing_chunks import read
from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.instances import scored_points
from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.metrics.detection import Detections, Points, centers_of_mass
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume.scores import scored_instances
from auxcpvloss.stages.volume.subject import Subject


def outcome_of(run: Run, subject: Subject) -> Outcome:
    """Read what was found in a labelled volume, as far as it is scored.

    As points, if the task is detection or the ground truth is points: to compare outlines both sides need them.
    """
    experiment, sample = run.experiment, subject.sample
    instances, truth = scored_instances(run, subject)
    points: Detections | Points | None = None
    if sample.has_truth and shows_points(experiment, sample):
        points = scored_points(experiment.config.evaluation, instances, truth, sample)
    elif experiment.is_detection:
        points = centers_of_mass(instances)
    return Outcome(sample.name, read(sample.raw), instances, truth, points, sample.voxel_size)


def shows_points(experiment: Experiment, sample: Sample) -> bool:
    """Whether points are compared: the task is detection, or the ground truth has no outlines."""
    return experiment.is_detection or not sample.has_labels
