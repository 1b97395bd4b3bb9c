"""F1 at ten thresholds of the IoU, 0.5 to 0.95, and its mean."""

from __future__ import annotations

from collections.abc import Sequence

from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.matching import count, match
from auxcpvloss.metrics.metric import Metric, Number, Numbers, numbers_at

# Literals, as in `counts`.
THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
PATHS = {threshold: f"f1.th_{str(threshold).replace('.', '_')}" for threshold in THRESHOLDS}
"""Path of the counts and ratios at each threshold: ``f1.th_0_55``."""
NUMBERS = {
    path: number for t, at in PATHS.items() for path, number in numbers_at(at, f"{{}} at IoU > {t} (f1)").items()
}


def _compute(comparison: Comparison) -> Numbers:
    table = comparison.overlaps
    counts = {at: count(table, match(table, threshold, comparison.optimal)) for threshold, at in PATHS.items()}
    numbers = {path: value for at, each in counts.items() for path, value in each.at(at).items()}
    return numbers | {"f1.mean": sum(numbers[f"{at}.fscore"] for at in counts) / len(counts)}


def _mean_of_pooled(path: str, volumes: Sequence[Numbers]) -> float:
    scores = [f"{at}.fscore" for at in PATHS.values()]
    return sum(NUMBERS[score].pool(score, volumes) for score in scores) / len(scores)


F1 = Metric(
    needs="overlaps",
    numbers={"f1.mean": Number("F1 (mean over IoU > 0.5 .. 0.95)", "higher", _mean_of_pooled), **NUMBERS},
    compute=_compute,
    card={
        "f1": "the counts and ratios of confusion_matrix, at IoU > t for t = 0.5, 0.55, ..., 0.95; mean: mean fscore "
        "over these t"
    },
)
