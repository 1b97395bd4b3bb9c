"""What metrics add to the configuration: the check that evaluation.metric and evaluation.summary name some."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.config.compose import Extension, Problem
from auxcpvloss.metrics.table import metric_paths


def part(tables: dict[str, Any]) -> Extension:
    """Check the scores that [evaluation] names."""
    return EXTENSION


def _check(config: Config) -> Iterator[Problem]:
    table = config.evaluation
    if table.metric != "auto":
        key = ("evaluation", "metric")
        yield from _exists(key, table.metric, table.detection)
        if table.metric.startswith(("by_size.", "by_density.")):
            yield (
                key,
                f"{table.metric!r} is not there where a volume has no such nuclei; choose a score of all nuclei, such "
                "as confusion_matrix.avAP",
            )
        if table.metric.startswith("general.num_") or table.metric.endswith((".FP", ".FN", ".splits", ".merges")):
            yield (
                key,
                f"the highest {table.metric!r} is not the best; choose a number that grows with what is found, such as "
                "AP, fscore or avAP",
            )
    for path in table.summary:
        yield from _exists(("evaluation", "summary"), path, table.detection)


def _exists(key: tuple[str, ...], path: str, detection: str) -> Iterator[Problem]:
    known = metric_paths([detection])
    if path in known:
        return
    if path in metric_paths():
        matching = path.split(".")[1]
        yield (
            key,
            f"{path!r} is a score of evaluation.detection = {matching!r}, but that is {detection!r}; set both to the "
            "same matching",
        )
        return
    close = get_close_matches(path, known, n=3)
    yield key, f"no evaluation has {path!r}; it has, among others, {', '.join(close or known[:3])}"


EXTENSION = Extension(check=_check)
