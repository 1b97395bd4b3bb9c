"""What metrics add to the configuration: the check that [evaluation] names some, and one that can decide."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.config.compose import Extension, Problem
from auxcpvloss.config.tables.results import Evaluation
from auxcpvloss.metrics.registry import DETECTION, METRICS, ON_REQUEST
from auxcpvloss.metrics.table import metric_of, metric_paths


def part(tables: dict[str, Any]) -> Extension:
    """Check the scores that [evaluation] names."""
    return EXTENSION


def _check(config: Config) -> Iterator[Problem]:
    table = config.evaluation
    for name in table.metrics:
        if name not in ON_REQUEST:
            yield (
                ("evaluation", "metrics"),
                f"{name!r} is not a metric that can be requested; known: {', '.join(ON_REQUEST)}",
            )
    if table.metric != "auto" and (words := _missing(table.metric, table) or _no_judge(table.metric)):
        yield ("evaluation", "metric"), words
    for path in table.summary:
        if words := _missing(path, table):
            yield ("evaluation", "summary"), words


def _missing(path: str, table: Evaluation) -> str:
    """Say why no evaluation has a number; "" where it has."""
    name = metric_of(path)
    if name is None:
        known = metric_paths([table.detection])
        close = get_close_matches(path, known, n=3)
        return f"unknown score {path!r}; known scores include {', '.join(close or known[:3])}"
    if name in DETECTION and name != table.detection:
        other = f"evaluation.detection = {name!r}, but it is {table.detection!r}"
        return f"{path!r} is a score of {other}; set both to the same matching"
    if name in ON_REQUEST and name not in table.metrics:
        return f"{path!r} is computed only on request; add {name!r} to evaluation.metrics"
    return ""


def _no_judge(path: str) -> str:
    """Say why validation cannot select by a number; "" where it can."""
    metric = METRICS[str(metric_of(path))]
    if metric.numbers[path].better != "higher":
        advice = "a score that is higher for better results, such as AP, fscore or avAP"
        return f"a higher {path!r} is not better; choose {advice}"
    advice = "a score of all nuclei, such as confusion_matrix.avAP"
    return "" if metric.always else f"{path!r} does not exist if a volume has no such nuclei; choose {advice}"


EXTENSION = Extension(check=_check)
