"""From instances to scores of samples."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import toml
from numpy.typing import NDArray

from auxcpvloss import metrics
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.whole import read
from auxcpvloss.detection import Detections, centers_of_mass, match_points, within
from auxcpvloss.errors import InputError
from auxcpvloss.experiment import Experiment
from auxcpvloss.files import write_text
from auxcpvloss.made_from import plain
from auxcpvloss.methods import Params
from auxcpvloss.score_table import as_table, metric_paths
from auxcpvloss.stages.labelling import instances_record, read_instances
from auxcpvloss.stages.records import Record, current

MATTERS = ("use_linear_sum_assignment", "detection", "distance_limit", "foreground_only")
"""Keys of [evaluation] that the scores of a sample depend on."""


def evaluate_sample(
    experiment: Experiment, split: str, checkpoint: int, params: Params, sample: Sample
) -> tuple[Record, bool]:
    """Score the instances of a sample against its labels, and their centers against its nuclei.

    Returns
    -------
    (scores, made)
        The table of ``<sample>.toml``, and whether it was made now. Instances are not scored where the sample has
        center points only, or the method finds points.

    Raises
    ------
    InputError
        The sample was not labelled.
    """
    path = experiment.evaluated(split, checkpoint, params) / f"{sample.name}.toml"
    instances = experiment.instanced(split, checkpoint, params, sample.name)
    labelled_from = instances_record(instances)
    if labelled_from is None:
        raise InputError(f"{instances}: there are no instances to score. Run the stage label.")
    options = experiment.config.evaluation
    made_from = plain({"instances": labelled_from, "truth": sample.made_from, **options.model_dump(include={*MATTERS})})
    table = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if current(experiment, path, made_from, json.loads(table.get("made_from", "null"))):
        return table, False
    found, truth = scored_instances(experiment, instances, sample)
    segmentation = None
    if truth is not None and experiment.method.task == "segmentation":
        segmentation = metrics.score(truth, found, options.use_linear_sum_assignment).counts
    detection = scored_points(experiment, found, truth, sample).counts
    table = {"made_from": json.dumps(made_from), **as_table(options.detection, detection, segmentation)}
    write_text(path, toml.dumps(table))
    return table, True


def scored_instances(
    experiment: Experiment, path: Path, sample: Sample
) -> tuple[NDArray[np.uint32], NDArray[np.uint32] | None]:
    """Read the instances of a sample, as far as they are scored, and its labels, if it has any: (Z, Y, X) each."""
    instances = read_instances(path)
    if not sample.has_labels:
        return instances, None
    truth: NDArray[np.uint32] = read(sample.labels)
    if experiment.config.evaluation.foreground_only:
        instances = np.where(truth > 0, instances, np.uint32(0))
    return instances, truth


def scored_points(
    experiment: Experiment, instances: NDArray[np.uint32], labels: NDArray[np.uint32] | None, sample: Sample
) -> Detections:
    """Match the centers of instances with the nuclei of a sample.

    Parameters
    ----------
    instances, labels : (Z, Y, X) arrays
        As `scored_instances` gives them. Without labels the center points of the sample are the truth.
    """
    options = experiment.config.evaluation
    points = centers_of_mass(instances)
    truth: NDArray[Any] = sample.centers()[:, :3] if labels is None else labels
    if options.foreground_only and labels is None:
        points = points[within(points, truth, options.distance_limit, sample.voxel_size)]
    return match_points(points, truth, options.detection, options.distance_limit, sample.voxel_size)


def need_metric(experiment: Experiment, samples: Iterable[Sample]) -> None:
    """Refuse samples that have no such score as decides in validation.

    Raises
    ------
    InputError
        It compares masks, and a sample has center points only.
    """
    if experiment.metric in metric_paths([experiment.config.evaluation.detection], segmentation=False):
        return
    for sample in samples:
        if sample.is_sparse:
            raise InputError(
                f"evaluation.metric: {experiment.metric} compares masks, but {sample.name} has center points only. "
                "Use --do_detection, or validate on volumes with masks."
            )
