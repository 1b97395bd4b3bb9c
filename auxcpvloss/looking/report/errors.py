"""The errors on the test volumes, and the counts that go with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from auxcpvloss.config import Config
from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.looking.report.atlas import BYTES, Atlas
from auxcpvloss.looking.report.cases import cases_of_instances, cases_of_points
from auxcpvloss.looking.report.verdict import Scored
from auxcpvloss.metrics import THRESHOLD, THRESHOLDS, Counts, mean_diameter
from auxcpvloss.metrics.average_precision import PATHS
from auxcpvloss.metrics.table import value_at


def find_errors(
    config: Config,
    samples: Sequence[Sample],
    tables: Mapping[str, Mapping[str, Any]],
    read: Callable[[Sample], Outcome],
) -> tuple[dict[str, Scored], Atlas]:
    """Find what is wrong with the test volumes that have ground truth, read one after the other.

    Gives how each volume came out, by name, as its table of scores says, and all errors with their pictures.
    """
    atlas, volumes = Atlas(unit=config.data.voxel_unit), {}
    for sample in samples:
        outcome = read(sample)
        scored, diameter = _scored(config, sample.original, outcome, tables[sample.name])
        atlas.add(outcome, scored.cases, diameter, BYTES // len(samples))
        volumes[sample.name] = scored
    return volumes, atlas


def _scored(config: Config, sample: Sample, outcome: Outcome, table: Mapping[str, Any]) -> tuple[Scored, float]:
    """Judge a volume, and measure the mean diameter of its nuclei, in the unit of the voxel size."""
    options, voxel_size, compared = config.evaluation, sample.voxel_size, outcome.comparison
    assert compared is not None
    if compared.has_masks:
        ids, sizes = compared.overlaps.truth_ids, compared.overlaps.truth_sizes
        diameter = mean_diameter(compared.overlaps, voxel_size) if ids.size else max(voxel_size)
    else:
        # Without masks their sizes are unknown.
        ids, sizes = sample.centers()[:, 3].astype(np.int64), np.empty(0, np.int64)
        diameter = options.distance_limit * voxel_size[2]
    if outcome.shows_points:
        cases = cases_of_points(compared.detections, ids, sizes, diameter, voxel_size)
        return Scored(_counts(table, f"confusion_matrix.{options.detection}"), cases=cases, sizes=sizes), diameter
    cases = cases_of_instances(compared)
    curve = {t: float(value_at(table, f"{PATHS[t]}.AP")) for t in THRESHOLDS}
    return Scored(_counts(table, PATHS[THRESHOLD]), curve, cases, sizes), diameter


def _counts(table: Mapping[str, Any], path: str) -> Counts:
    cell = value_at(table, path)
    return Counts(tp=cell["TP"], fp=cell["FP"], fn=cell["FN"])


def rule_of_detection(config: Config, samples: Sequence[Sample]) -> str:
    """Say when a nucleus counts as found, where points are compared."""
    options = config.evaluation
    if options.detection == "hoefener" and not all(sample.is_sparse for sample in samples):
        return "its center inside the nucleus"
    return f"its center within {options.distance_limit:g} voxels (along x) of that of the nucleus"
