"""Test volumes with all that there is to see of them."""

from __future__ import annotations

from auxcpvloss.config.units import Space
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.whole import read
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import Selection
from auxcpvloss.looking.handover.errors import Errors, errors_of_labels, errors_of_points
from auxcpvloss.looking.handover.view import View
from auxcpvloss.stages.labelling import read_instances
from auxcpvloss.stages.scoring import scored_instances, scored_points

SPLIT = "test"


def space_of(experiment: Experiment, sample: Sample) -> Space:
    """Where a volume lies in space."""
    return Space(sample.voxel_size, sample.offset, experiment.config.data.voxel_unit)


def view_of(experiment: Experiment, selection: Selection, sample: Sample) -> View:
    """Read a labelled volume, and find what is wrong with it, the way that it is scored."""
    path = experiment.instanced(SPLIT, selection.checkpoint, selection.params, sample.name)
    errors: list[Errors] = []
    if sample.has_truth:
        scored, truth = scored_instances(experiment, path, sample)
        if experiment.is_detection or truth is None:
            errors = errors_of_points(scored_points(experiment, scored, truth, sample))
        else:
            errors = errors_of_labels(truth, scored, experiment.config.evaluation.use_linear_sum_assignment)
    return View(
        name=sample.name,
        raw=read(sample.raw),
        found=read_instances(path),
        is_points=experiment.method.task == "detection",
        truth=None if sample.truth is None else read(sample.truth),
        errors=tuple(errors),
        space=space_of(experiment, sample),
    )
