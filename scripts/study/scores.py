"""Scores of several volumes together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any

COUNTED = ("0.5", "0.6", "0.7", "0.8", "0.9")
"""IoU of which a volume's counts are kept."""
POOLED = tuple(f"F1_{iou}" for iou in COUNTED)
MEAN = (*(f"AP_0.{i}" for i in range(1, 10)), "avAP", "detection_AP", "SEG")
METRICS = (*MEAN, *POOLED)
"""Means over volumes, and scores of the counts of all volumes together."""

Volume = Mapping[str, Any]
"""Scores of a volume that are means, by name, and ``counts``: {IoU: [TP, FP, FN]}."""


def has(volume: Volume, metric: str) -> bool:
    """Tell whether a score can be had of a volume: a model that finds points has no scores of overlap."""
    return metric in volume or (metric in POOLED and metric.removeprefix("F1_") in volume.get("counts", {}))


def score(volumes: Iterable[Volume], metric: str) -> float:
    """Give the score of volumes that have it: their mean, or that of all their objects."""
    if metric not in POOLED:
        return mean(each[metric] for each in volumes)
    found = [each["counts"][metric.removeprefix("F1_")] for each in volumes]
    hits, wrong, missed = map(sum, zip(*found, strict=True))
    return 2 * hits / max(2 * hits + wrong + missed, 1)


def spoken(metric: str) -> str:
    """Name a score for people."""
    return f"pooled {metric.replace('_', ' ')}" if metric in POOLED else metric.replace("_", " ")


def of_runs(runs: Sequence[Mapping[str, Any]], metric: str) -> float | None:
    """Give the score of all volumes of several runs; None where none has it."""
    volumes = [values for each in runs for values in each["scores"].values()]
    return score(volumes, metric) if volumes and all(has(each, metric) for each in volumes) else None
