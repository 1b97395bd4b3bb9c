"""The scores of a volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from auxcpvloss.metrics.counts import THRESHOLDS, Counts, mean_ap
from auxcpvloss.metrics.matching import count, match
from auxcpvloss.metrics.overlap import overlaps


@dataclass(frozen=True)
class Scores:
    """The scores of one volume.

    Attributes
    ----------
    counts : dict of IoU threshold to Counts
        One for each of THRESHOLDS.
    num_truth, num_predicted : int
        Number of instances.
    mean_matched_iou : float
        Mean IoU of the pairs matched at 0.5; 0 where there are none.
    """

    counts: dict[float, Counts]
    num_truth: int
    num_predicted: int
    mean_matched_iou: float

    @property
    def av_ap(self) -> float:
        """Mean of the average precision over the thresholds."""
        return mean_ap(self.counts.values())


def score(truth: NDArray[Any], predicted: NDArray[Any], optimal: bool = True) -> Scores:
    """Score a segmentation at each of THRESHOLDS; parameters as in `overlaps` and `match`."""
    table = overlaps(truth, predicted)
    matchings = {threshold: match(table, threshold, optimal) for threshold in THRESHOLDS}
    iou = matchings[0.5].iou
    return Scores(
        counts={threshold: count(table, matching) for threshold, matching in matchings.items()},
        num_truth=table.truth_ids.size,
        num_predicted=table.predicted_ids.size,
        mean_matched_iou=float(iou.mean()) if iou.size else 0.0,
    )
