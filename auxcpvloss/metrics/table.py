"""The scores of a volume as nested tables, under the names that the original software gave them.

A number then has a dotted path, such as ``confusion_matrix.th_0_5.AP`` or ``confusion_matrix.hoefener.AP``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from operator import getitem
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.detection import MATCHINGS
from auxcpvloss.metrics.metric import Metric, Numbers
from auxcpvloss.metrics.registry import BY_DEFAULT, METRICS

Table = Mapping[str, Any]


def metrics_of(comparison: Comparison, more: Collection[str] = ()) -> list[Metric]:
    """Give the metrics to compute: those by default, that of the matching of points, and `more`, by name."""
    wanted = [METRICS[name] for name in METRICS if name in (*BY_DEFAULT, comparison.detection, *more)]
    has_outlines = comparison.has_masks and comparison.outlines
    return [metric for metric in wanted if has_outlines or metric.needs == "points"]


def as_table(comparison: Comparison, more: Collection[str] = ()) -> dict[str, Any]:
    """Score a volume, also by `more` metrics than those computed by default."""
    return _nested(_compute(metrics_of(comparison, more), comparison))


def score(truth: NDArray[Any], predicted: NDArray[Any], more: Collection[str] = (), **options: Any) -> Numbers:
    """Score the outlines of a segmentation: dotted path -> number.

    Takes labels of the same shape, of up to three axes, 0 is background; `more` metrics than those computed by default;
    and the options of `Comparison`.
    """
    result, true = (np.array(labels, ndmin=3, copy=None) for labels in (predicted, truth))
    comparison = Comparison(result, true, **options)
    return _compute([each for each in metrics_of(comparison, more) if each.needs != "points"], comparison)


def _compute(metrics: Collection[Metric], comparison: Comparison) -> Numbers:
    numbers = {path: value for metric in metrics for path, value in metric.compute(comparison).items()}
    comparison.drop_surfaces()
    return numbers


def pooled(tables: Sequence[Table]) -> dict[str, Any]:
    """Give the numbers of several volumes together, as if all nuclei were of one; each volume as far as it has them."""
    volumes = [numbers_in(table) for table in tables]
    numbers = {path: number for metric in METRICS.values() for path, number in metric.numbers.items()}
    having = {path: [volume for volume in volumes if path in volume] for path in numbers}
    return _nested({path: numbers[path].pool(path, volumes) for path, volumes in having.items() if volumes})


def value_at(table: Table, path: str) -> Any:
    """Give the number at a dotted path; a KeyError says that the volume has no such score."""
    return reduce(getitem, path.split("."), table)


def numbers_in(table: Table, at: str = "") -> Numbers:
    """Give all numbers in a table, by dotted path."""
    numbers: Numbers = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            numbers |= numbers_in(value, f"{at}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            numbers[f"{at}{key}"] = value
    return numbers


def defined_numbers(table: Table) -> Numbers:
    """Give the numbers of a volume, or of several pooled, that say something: where no nucleus is true, counts alone.

    AP, say, would be 0 / 0 if nothing was found, and 0 with a single false positive, however many there might be.
    """
    numbers = numbers_in(table)
    if not _has_no_nuclei(numbers):
        return numbers
    described = {path: number for metric in METRICS.values() for path, number in metric.numbers.items()}
    return {path: value for path, value in numbers.items() if path not in described or described[path].is_count}


def without_nuclei(tables: Mapping[str, Table]) -> list[str]:
    """Name the volumes in which no nucleus is true."""
    return [name for name, table in tables.items() if _has_no_nuclei(numbers_in(table))]


def _has_no_nuclei(numbers: Numbers) -> bool:
    return numbers.get("general.num_gt") == 0


def metric_paths(matchings: Collection[str] = MATCHINGS, segmentation: bool = True) -> list[str]:
    """Give the dotted paths of all numbers that tables of volumes can have.

    Of scores of points those with any of some `matchings`; with `segmentation` also those that need masks.
    """
    metrics = [each for name, each in METRICS.items() if name not in MATCHINGS or name in matchings]
    return [path for metric in metrics if segmentation or metric.needs == "points" for path in metric.numbers]


def metric_of(path: str) -> str | None:
    """Name the metric that gives the number at a dotted path."""
    return next((name for name, metric in METRICS.items() if path in metric.numbers), None)


def _nested(numbers: Numbers) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for path, value in numbers.items():
        *at, name = path.split(".")
        reduce(lambda table, key: table.setdefault(key, {}), at, tables)[name] = value
    return tables
