"""AP at nine thresholds of the IoU, their mean, and the counts behind them."""

from __future__ import annotations

from collections.abc import Sequence

from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.counts import THRESHOLD, THRESHOLDS
from auxcpvloss.metrics.matching import count, match
from auxcpvloss.metrics.metric import Metric, Number, Numbers, numbers_at

PATHS = {threshold: f"confusion_matrix.th_{str(threshold).replace('.', '_')}" for threshold in THRESHOLDS}
"""Path of the counts and ratios at each threshold: ``confusion_matrix.th_0_5``."""
COUNTS = tuple(f"{PATHS[THRESHOLD]}.{name}" for name in ("TP", "FP", "FN"))
"""Paths of the counts at an IoU above 0.5, by which means over nuclei and pairs are pooled."""
NUMBERS = {path: number for t, at in PATHS.items() for path, number in numbers_at(at, f"{{}} at IoU > {t}").items()}


def _compute(comparison: Comparison) -> Numbers:
    table = comparison.overlaps
    counts = {at: count(table, match(table, threshold, comparison.optimal)) for threshold, at in PATHS.items()}
    mean = sum(each.ap for each in counts.values()) / len(counts)
    numbers = {"general.avAP": mean, "confusion_matrix.avAP": mean}
    return numbers | {path: value for at, each in counts.items() for path, value in each.at(at).items()}


def _card(comparison: Comparison) -> dict[str, str]:
    return {
        "matching": "optimal: as many pairs as possible, and among such matchings the greatest sum of IoU"
        if comparison.optimal
        else "greedy: by decreasing IoU, among equals the pair that appears first in the volume",
        "threshold": "a true nucleus and a predicted instance match one to one, and only at an IoU > t (not equal); "
        "th_0_5: t = 0.5",
        "counts": "TP matched pairs, FP predicted instances without a match, FN true nuclei without one; AP = TP / (TP "
        "+ FP + FN), precision = TP / (TP + FP), recall = TP / (TP + FN), fscore = 2 TP / (2 TP + FP + FN); avAP: mean "
        "AP over t = 0.1, 0.2, ..., 0.9",
    }


def _mean_of_pooled(path: str, volumes: Sequence[Numbers]) -> float:
    aps = [f"{at}.AP" for at in PATHS.values()]
    return sum(NUMBERS[ap].pool(ap, volumes) for ap in aps) / len(aps)


MEAN = Number("avAP (mean over IoU > 0.1 .. 0.9)", "higher", _mean_of_pooled)
AVERAGE_PRECISION = Metric(
    "overlaps", {"general.avAP": MEAN, "confusion_matrix.avAP": MEAN, **NUMBERS}, _compute, _card
)
