"""The errors on the test volumes, and the counts that go with them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.samples import Sample
from auxcpvloss.data.whole import read
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import Selection
from auxcpvloss.looking.report.atlas import BYTES, Atlas, Volume
from auxcpvloss.looking.report.cases import cases_of_instances, cases_of_points
from auxcpvloss.looking.report.verdict import Scored
from auxcpvloss.metrics import THRESHOLDS, Counts, Overlaps, find_mistakes, match, mean_diameter, overlaps
from auxcpvloss.metrics.strata import REACH
from auxcpvloss.metrics.table import Table, threshold_key, value_at
from auxcpvloss.stages.scoring import scored_instances, scored_points, scores_of
from auxcpvloss.stages.testing import SPLIT, shows_points
from auxcpvloss.system.terminal import Bar

THRESHOLD = 0.5
"""Of the IoU: what the errors that are shown are errors by, as in the figures of the paper."""


@dataclass
class Errors:
    """What was found on the test volumes.

    Attributes
    ----------
    rule : str
        What makes a nucleus found, in words.
    volumes : dict of name to Scored
        Those that the rule is for.
    atlas : Atlas
    notes, caveats : list of str
        What a reader of the atlas, and one of the verdict, has to know.
    """

    rule: str = ""
    volumes: dict[str, Scored] = field(default_factory=dict)
    atlas: Atlas = field(default_factory=Atlas)
    notes: list[str] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)


def find_errors(experiment: Experiment, selection: Selection, samples: Sequence[Sample], bar: Bar) -> Errors:
    """Go through the test volumes that have ground truth.

    Where some have masks and others center points alone, the verdict is on those with masks; all are in the atlas.
    """
    errors = Errors(atlas=Atlas(unit=experiment.config.data.voxel_unit))
    segmented = [sample for sample in samples if not shows_points(experiment, sample)]
    judged = segmented or list(samples)
    for number, sample in enumerate(samples):
        bar.update(number, sample.name)
        scored = _add(experiment, selection, sample, errors.atlas, BYTES // len(samples))
        if sample in judged:
            errors.volumes[sample.name] = scored
    if samples:
        errors.rule = f"an IoU above {THRESHOLD:g}" if segmented else _rule_of_detection(experiment, samples)
        errors.notes = _notes(errors.atlas, bool(segmented))
        errors.caveats = _caveats(experiment, samples, segmented)
    return errors


def _add(experiment: Experiment, selection: Selection, sample: Sample, atlas: Atlas, share: int) -> Scored:
    path = scores_of(experiment, SPLIT, selection.checkpoint, selection.params, sample).paths[0]
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    labelled = experiment.instanced(SPLIT, selection.checkpoint, selection.params, sample.name)
    instances, truth = scored_instances(experiment, labelled, sample)
    raw = read(sample.raw)
    if truth is None or shows_points(experiment, sample):
        return _add_points(experiment, sample, raw, instances, truth, table, atlas, share)
    found = overlaps(truth, instances)
    matching = match(found, THRESHOLD, experiment.config.evaluation.use_linear_sum_assignment)
    mistakes = find_mistakes(found, matching)
    cases = cases_of_instances(truth, instances, found, matching, mistakes, sample.voxel_size)
    diameter = _diameter(found, sample)
    atlas.add(Volume(sample.name, raw, sample.voxel_size, truth, instances), cases, diameter, share)
    curve = {t: float(value_at(table, f"confusion_matrix.{threshold_key(t)}.AP")) for t in THRESHOLDS}
    return Scored(_counts(table, threshold_key(THRESHOLD)), curve, cases, found.truth_sizes)


def _add_points(
    experiment: Experiment,
    sample: Sample,
    raw: NDArray[Any],
    instances: NDArray[Any],
    truth: NDArray[Any] | None,
    table: Table,
    atlas: Atlas,
    share: int,
) -> Scored:
    options, voxel_size = experiment.config.evaluation, sample.voxel_size
    detections = scored_points(experiment, instances, truth, sample)
    if truth is None:
        # Nobody knows how large they are.
        ids, sizes = sample.centers()[:, 3].astype(np.int64), np.empty(0, np.int64)
        diameter = options.distance_limit * voxel_size[2]
    else:
        found = overlaps(truth, instances)
        ids, sizes, diameter = found.truth_ids, found.truth_sizes, _diameter(found, sample)
    cases = cases_of_points(detections, ids, sizes, diameter, voxel_size)
    atlas.add(Volume(sample.name, raw, voxel_size, truth, points=detections), cases, diameter, share)
    return Scored(_counts(table, options.detection), cases=cases, sizes=sizes)


def _diameter(found: Overlaps, sample: Sample) -> float:
    """Mean diameter of the true nuclei, in the unit of the voxel size; where there are none, a voxel."""
    return mean_diameter(found, sample.voxel_size) if found.truth_ids.size else max(sample.voxel_size)


def _counts(table: Table, key: str) -> Counts:
    cell = value_at(table, f"confusion_matrix.{key}")
    return Counts(tp=cell["TP"], fp=cell["FP"], fn=cell["FN"])


def _rule_of_detection(experiment: Experiment, samples: Sequence[Sample]) -> str:
    options = experiment.config.evaluation
    near = f"its center within {options.distance_limit:g} voxels (along x) of that of the nucleus"
    if options.detection == "hoefener":
        return near if all(sample.is_sparse for sample in samples) else "its center inside the nucleus"
    return near


def _notes(atlas: Atlas, has_outlines: bool) -> list[str]:
    what = (
        "Every false positive, false negative, split and merge" if has_outlines else "Every false positive and negative"
    )
    more = (
        "A split is a true nucleus in which at least two results lie with more than half of their voxels each; a "
        "merge, a result in which at least two true nuclei do. Most of them are false negatives or "
        "positives as well, and are shown as each."
        if has_outlines
        else "Crosses are results, rings true centers; large ones are wrong."
    )
    notes = [
        f"{what}, in three planes through its center: xy, zy to the right, xz below. {more}",
        f"Local density: how many other true nuclei have their center within {REACH:g} mean diameters of that of the "
        "nearest true nucleus. Click, or press Enter, to enlarge; then the arrow keys go on, and Escape closes.",
    ]
    if atlas.left_out:
        each = ", ".join(f"{shown:,} of {there:,} in {name}" for name, (there, shown) in atlas.volumes.items())
        notes.append(
            f"{atlas.left_out:,} errors are left out, to keep this file small. Shown are {each}: drawn at random, so "
            "that they are a fair sample."
        )
    return notes


def _caveats(experiment: Experiment, samples: Sequence[Sample], segmented: Sequence[Sample]) -> list[str]:
    caveats = []
    if experiment.config.evaluation.foreground_only:
        caveats.append("What was found outside of the ground truth was not counted (evaluation.foreground_only).")
    if segmented and (others := len(samples) - len(segmented)):
        caveats.append(f"{others} of {len(samples)} volumes have center points only; the verdict leaves them out.")
    return caveats
