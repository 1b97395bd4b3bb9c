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
from auxcpvloss.experiment.fingerprint import plain
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.versions import made_with, version_of
from auxcpvloss.methods import Params
from auxcpvloss.metrics.card import metric_card
from auxcpvloss.metrics.detection import Detections, centers_of_mass, match_points, within
from auxcpvloss.metrics.table import as_table, metric_paths
from auxcpvloss.stages.labelling import instances_of, read_instances
from auxcpvloss.stages.records import Result, current, need
from auxcpvloss.stages.stored import Record, Stored, stored
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text


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
    instances = instances_of(experiment, split, checkpoint, params, sample)
    need(instances, "to score")
    result = scores_of(experiment, split, checkpoint, params, sample, instances)
    path, options = result.paths[0], experiment.config.evaluation
    if current(experiment, result):
        return tomllib.loads(path.read_text(encoding="utf-8")), False
    found, truth = scored_instances(experiment, instances.paths[0], sample)
    segmentation = None
    if truth is not None and experiment.method.task == "segmentation":
        segmentation = metrics.score(truth, found, options.use_linear_sum_assignment, sample.voxel_size)
    detection = scored_points(experiment, found, truth, sample).counts
    made = {"made_from": json.dumps(result.made_from), "made_with": json.dumps(made_with("evaluate"))}
    card = metric_card(
        matching=options.detection,
        distance_limit=options.distance_limit,
        foreground_only=options.foreground_only,
        optimal=options.use_linear_sum_assignment,
        has_masks=truth is not None,
        of_instances=segmentation is not None,
    )
    table = {**made, **as_table(options.detection, detection, segmentation), "metric_card": card}
    write_text(path, toml.dumps(table))
    return table, True


def scores_of(
    experiment: Experiment,
    split: str,
    checkpoint: int,
    params: Params,
    sample: Sample,
    labelled: Result | None = None,
) -> Result:
    """Say what the scores of a sample are to be made from; `labelled`: its `instances_of`, if known.

    Raises
    ------
    InputError
        Neither the checkpoint nor a prediction is there.
    """
    path = experiment.evaluated(split, checkpoint, params) / f"{sample.name}.toml"
    labelled = labelled or instances_of(experiment, split, checkpoint, params, sample)
    instances = labelled.made_from
    # The file that they are in makes no difference.
    parameters = {key: value for key, value in instances["postprocessing"].items() if key != "output_format"}
    made_from = {
        **version_of("evaluate"),
        "instances": {**instances, "postprocessing": parameters},
        "truth": sample.made_from,
        "evaluation": scoring_keys(experiment, sparse=not sample.has_labels),
    }
    return Result("evaluate", "scores", (path,), plain(made_from), _stored(path))


def scoring_keys(experiment: Experiment, sparse: bool) -> Record:
    """Give the keys of [evaluation] that scores depend on; `sparse`: where there are points only."""
    options = experiment.config.evaluation
    keys = {"detection", "foreground_only"}
    if experiment.method.task == "segmentation" and not sparse:
        keys.add("use_linear_sum_assignment")
    if sparse or options.detection != "hoefener":
        keys.add("distance_limit")
    return options.model_dump(include=keys)


def _stored(path: Path) -> Stored:
    def read() -> Stored:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return Stored(json.loads(table["made_from"]), json.loads(table.get("made_with", "{}")))

    return stored(read) if path.is_file() else Stored()


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
