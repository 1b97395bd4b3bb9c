"""The names of the benchmarks, in the order in which they run and stand on the page, and how results are stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bench.measure import Options, Row

NAMES = (
    "segment",
    "label",
    "score",
    "sweep",
    "batches",
    "handover",
    "many_instances",
    "startup",
    "growth",
    "training",
    "architectures",
    "images",
    "onednn",
    "checksums",
    "accuracy_worms",
    "accuracy_embryos",
)
LONG = ("handover", "growth", "onednn", "accuracy_worms", "accuracy_embryos")
"""Those that take long even with small inputs, and so belong to a quick run only where they are named."""


def as_json(name: str, rows: Sequence[Row], options: Options, machine: dict[str, Any], seconds: float) -> str:
    """Write the rows of a benchmark and where they were measured."""
    result = {
        "name": name,
        "quick": options.quick,
        "pairs": options.pairs,
        "minutes": round(seconds / 60, 1),
        "machine": machine,
        "rows": [_short(asdict(row)) for row in rows],
    }
    return json.dumps(result, indent=1) + "\n"


def _short(value: Any) -> Any:
    """Round numbers to five digits and leave out fields that say nothing."""
    if isinstance(value, dict):
        return {key: _short(each) for key, each in value.items() if each not in (None, "", ())}
    if isinstance(value, list | tuple):
        return [_short(each) for each in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value
