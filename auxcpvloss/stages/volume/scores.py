"""The scores of a labelled volume against its ground truth."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import toml
from numpy.typing import NDArray

from auxcpvloss.data.missing_chunks import read
from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.fingerprint import Record
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.instances import compare, without_file_format
from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.experiment.results import Result, stored_toml
from auxcpvloss.metrics import Comparison
from auxcpvloss.metrics.metric_card import metric_card
from auxcpvloss.metrics.table import as_table, metric_of, metric_paths
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume.instances import instances_of, instances_record, read_instances
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.checksums import sealed_text
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text
from auxcpvloss.system.libraries import versions_of

NAME, VERSION = "evaluate", 2
LIBRARIES = ("matplotlib", "numpy", "scipy")


def scores_of(run: Run, subject: Subject) -> Result:
    """Say what the scores of a volume are to be made from, see `prediction_of`."""
    return run.result(("scores", *subject.key), lambda: _find(run, subject))


def _find(run: Run, subject: Subject) -> Result:
    experiment, sample = run.experiment, subject.sample
    path = scores_path(experiment, subject)
    more = metrics_on_request(experiment, subject)
    options = {**scoring_keys(experiment, sparse=not sample.has_labels), **({"metrics": more} if more else {})}
    made_from = {
        f"version of {NAME}": VERSION,
        "instances": without_file_format(instances_record(run, subject)),
        "truth": sample.made_from,
        "evaluation": options,
    }
    record, stored = run.records.flat(made_from), stored_toml(path)
    return Result(NAME, "scores", sample.name, (path,), record, stored, subject, at=subject.at)


def scores_path(experiment: Experiment, subject: Subject) -> Path:
    """Give the path of the table of the scores of a volume."""
    return experiment.evaluated(subject.split, subject.checkpoint, subject.params) / f"{subject.sample.name}.toml"


def scoring_keys(experiment: Experiment, sparse: bool) -> Record:
    """Give the keys of [evaluation] that scores depend on; `sparse`: where there are points only."""
    options = experiment.config.evaluation
    keys = {"detection", "foreground_only"}
    if experiment.method.task == "segmentation" and not sparse:
        keys.add("use_linear_sum_assignment")
    if sparse or options.detection != "hoefener":
        keys.add("distance_limit")
    return options.model_dump(include=keys)


def metrics_on_request(experiment: Experiment, subject: Subject) -> list[str]:
    """Give the metrics to compute beside those by default; in validation none but what ``evaluation.metric`` is of."""
    wanted, deciding = experiment.config.evaluation.metrics, metric_of(experiment.metric)
    computed = {name for name in wanted if subject.split == "test" or name == deciding}
    return sorted(computed) if subject.sample.has_labels else []


def score(result: Result, run: Run) -> None:
    """Score the instances of a labelled volume."""
    write_scores(result, run, comparison_of(run, result.subject))


def write_scores(result: Result, run: Run, comparison: Comparison) -> None:
    """Score instances, if there are labels and the method finds outlines, and their centers."""
    more = metrics_on_request(run.experiment, result.subject)
    made = {"made_from": json.dumps(result.record), "made_with": json.dumps(versions_of(*LIBRARIES))}
    table = {**made, **as_table(comparison, more), "metric_card": metric_card(comparison, more)}
    write_text(result.paths[0], sealed_text(toml.dumps(table)))


def comparison_of(run: Run, subject: Subject) -> Comparison:
    """Put the instances of a labelled volume beside its truth, as they are scored: once, as long as memory allows."""
    paths = instances_of(run, subject).paths[0], subject.sample.original.path
    return run.keep(paths, lambda: compared(run, subject, read_instances(run, subject)))


def compared(run: Run, subject: Subject, found: NDArray[np.uint32]) -> Comparison:
    """Put instances, (Z, Y, X), beside the truth of a volume, as they are scored."""
    sample = subject.sample.original
    labels = run.keep((sample.path,), lambda: read(sample.labels)) if sample.has_labels else None
    return compare(run.experiment, sample, found, labels)


def outcome_of(run: Run, subject: Subject) -> Outcome:
    """Read what was found in a labelled volume, as far as it is scored."""
    experiment, sample = run.experiment, subject.sample.original
    found = comparison_of(run, subject) if sample.has_truth else read_instances(run, subject)
    return Outcome(sample.name, read(sample.raw), found, shows_points(experiment, sample), sample.voxel_size)


def shows_points(experiment: Experiment, sample: Sample) -> bool:
    """Whether points are shown: the task is detection, or the truth is points, so that no outlines are compared."""
    return experiment.is_detection or sample.is_sparse


def need_metric(experiment: Experiment, samples: Iterable[Sample]) -> None:
    """Refuse volumes of center points with an `InputError` where masks decide in validation."""
    of_points = metric_paths([experiment.config.evaluation.detection], segmentation=False)
    for sample in samples:
        if sample.is_sparse and experiment.metric not in of_points:
            raise InputError(
                f"evaluation.metric: {experiment.metric} compares masks, but {sample.name} has center points only. "
                "Use --do_detection, or validate on volumes with masks."
            )
