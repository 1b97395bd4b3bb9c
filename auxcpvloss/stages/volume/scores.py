"""The scores of a labelled volume against its ground truth."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
import toml
from numpy.typing import NDArray

from auxcpvloss import metrics
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.whole import read
from auxcpvloss.experiment.fingerprint import Record
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.instances import as_scored, scored_points, without_file_format
from auxcpvloss.experiment.results import Result, stored_toml
from auxcpvloss.metrics.card import metric_card
from auxcpvloss.metrics.table import as_table, metric_paths
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume.instances import instances_of, read_instances
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text
from auxcpvloss.system.libraries import versions_of

NAME, VERSION = "evaluate", 2
LIBRARIES = ("matplotlib", "numpy", "scipy")


def scores_of(run: Run, subject: Subject) -> Result:
    """Say what the scores of a volume are to be made from.

    Raises
    ------
    InputError
        Neither the checkpoint nor a prediction is there.
    """
    return run.result(("scores", *subject.key), lambda: _find(run, subject))


def _find(run: Run, subject: Subject) -> Result:
    experiment, sample = run.experiment, subject.sample
    folder = experiment.evaluated(subject.split, subject.checkpoint, subject.params)
    made_from = {
        f"version of {NAME}": VERSION,
        "instances": without_file_format(instances_of(run, subject).record),
        "truth": sample.made_from,
        "evaluation": scoring_keys(experiment, sparse=not sample.has_labels),
    }
    path = folder / f"{sample.name}.toml"
    return Result(
        NAME, "scores", sample.name, (path,), run.records.flat(made_from), stored_toml(path), subject, at=subject.at
    )


def scoring_keys(experiment: Experiment, sparse: bool) -> Record:
    """Give the keys of [evaluation] that scores depend on; `sparse`: where there are points only."""
    options = experiment.config.evaluation
    keys = {"detection", "foreground_only"}
    if experiment.method.task == "segmentation" and not sparse:
        keys.add("use_linear_sum_assignment")
    if sparse or options.detection != "hoefener":
        keys.add("distance_limit")
    return options.model_dump(include=keys)


def score(result: Result, run: Run) -> None:
    """Score the instances of a volume against its labels, and their centers against its nuclei.

    Instances are not scored where the volume has center points only, or the method finds points.
    """
    experiment, subject = run.experiment, result.subject
    sample, options = subject.sample, experiment.config.evaluation
    found, truth = scored_instances(run, subject)
    segmentation = None
    if truth is not None and experiment.method.task == "segmentation":
        segmentation = metrics.score(truth, found, options.use_linear_sum_assignment, sample.voxel_size)
    detection = scored_points(options, found, truth, sample).counts
    made = {"made_from": json.dumps(result.record), "made_with": json.dumps(versions_of(*LIBRARIES))}
    card = metric_card(
        matching=options.detection,
        distance_limit=options.distance_limit,
        foreground_only=options.foreground_only,
        optimal=options.use_linear_sum_assignment,
        has_masks=truth is not None,
        of_instances=segmentation is not None,
    )
    table = {**made, **as_table(options.detection, detection, segmentation), "metric_card": card}
    write_text(result.paths[0], toml.dumps(table))


def scored_instances(run: Run, subject: Subject) -> tuple[NDArray[np.uint32], NDArray[np.uint32] | None]:
    """Read the instances of a volume, as far as they are scored, and its labels, if it has any: (Z, Y, X) each."""
    sample, truth = subject.sample, None
    if sample.has_labels:
        truth = run.array(sample.path, lambda: read(sample.labels))
    return as_scored(read_instances(run, subject), truth, run.experiment.config.evaluation), truth


def need_metric(experiment: Experiment, samples: Iterable[Sample]) -> None:
    """Refuse volumes that have no such score as decides in validation.

    Raises
    ------
    InputError
        It compares masks, and a volume has center points only.
    """
    if experiment.metric in metric_paths([experiment.config.evaluation.detection], segmentation=False):
        return
    for sample in samples:
        if sample.is_sparse:
            raise InputError(
                f"evaluation.metric: {experiment.metric} compares masks, but {sample.name} has center points only. "
                "Use --do_detection, or validate on volumes with masks."
            )
