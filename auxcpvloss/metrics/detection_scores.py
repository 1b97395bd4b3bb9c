"""How many nuclei were found as points."""

from __future__ import annotations

from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.detection import MATCHINGS
from auxcpvloss.metrics.metric import Metric, Number, Numbers, numbers_at, total

CENTERS = {
    "hoefener": "the center of mass of a predicted instance finds the nucleus whose mask it lies in, one per nucleus",
    "linear": "centers of mass of predicted instances and centers of true nuclei, one to one: as many pairs as "
    "possible, and among such matchings the least sum of distances",
    "greedy": "centers of mass of predicted instances and centers of true nuclei, one to one: the nearest pair first",
}
HOEFENER_OF_POINTS = "the center of mass of a predicted instance belongs to the nearest annotated point, one per point"


def limit_in_words(comparison: Comparison) -> str:
    """Say how far points and centers may be apart."""
    return f"at most {comparison.distance_limit:g} voxels apart (along x; the same physical distance along z and y)"


def _card(comparison: Comparison) -> dict[str, str]:
    name = comparison.detection
    if name == "hoefener" and comparison.has_masks:
        return {"detection": f"{name}: {CENTERS[name]}"}
    text = HOEFENER_OF_POINTS if name == "hoefener" else CENTERS[name]
    return {"detection": f"{name}: {text}; {limit_in_words(comparison)}"}


def _instances(comparison: Comparison) -> Numbers:
    tp, fp, fn = comparison.detections.counts
    numbers = {"num_gt": tp + fn, "num_pred": tp + fp, "num_points": tp + fp, "empty_prediction": tp + fp == 0}
    return {f"general.{name}": value for name, value in numbers.items()}


INSTANCES = Metric(
    needs="points",
    numbers={f"general.{name}": Number(name, "neither", total) for name in ("num_gt", "num_pred", "num_points")},
    compute=_instances,
    card={},
)
DETECTION: dict[str, Metric] = {
    name: Metric(
        needs="points",
        numbers=numbers_at(f"confusion_matrix.{name}", f"detection {{}} ({name})"),
        compute=lambda comparison: comparison.detections.counts.at(f"confusion_matrix.{comparison.detection}"),
        card=_card,
    )
    for name in MATCHINGS
}
"""One per matching; only that of ``evaluation.detection`` is computed."""
