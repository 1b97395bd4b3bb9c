"""The scores of a volume, or of several pooled, from one table of overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from numpy.typing import NDArray

from auxcpvloss.metrics.counts import THRESHOLDS, Counts, mean_ap, pool
from auxcpvloss.metrics.matching import count, match
from auxcpvloss.metrics.mistakes import find_mistakes
from auxcpvloss.metrics.overlap import Overlaps, overlaps
from auxcpvloss.metrics.strata import Strata, by_density, by_size


@dataclass(frozen=True)
class Scores:
    """The scores of one volume, or of several pooled.

    Where nothing was to be found and nothing was, all ratios are 1; otherwise a ratio of 0 to 0 is 0.

    Attributes
    ----------
    counts : dict of IoU threshold to Counts
        One for each of THRESHOLDS.
    sum_matched_iou : float
        Sum of the IoU of the pairs matched at 0.5.
    sum_seg : float
        Sum over the true nuclei of the IoU with the predicted instance that holds more than half of the nucleus.
    splits, merges : int
        See `Mistakes`.
    strata : dict of name to Strata
        By size and by density, at 0.5.
    """

    counts: dict[float, Counts]
    sum_matched_iou: float
    sum_seg: float
    splits: int
    merges: int
    strata: dict[str, Strata]

    @property
    def num_truth(self) -> int:
        """Number of true instances."""
        return self.counts[0.5].tp + self.counts[0.5].fn

    @property
    def num_predicted(self) -> int:
        """Number of predicted instances."""
        return self.counts[0.5].tp + self.counts[0.5].fp

    @property
    def av_ap(self) -> float:
        """Mean of the average precision over the thresholds."""
        return mean_ap(self.counts.values())

    @property
    def mean_matched_iou(self) -> float:
        """Mean IoU of the pairs matched at 0.5: the segmentation quality SQ."""
        return self.counts[0.5].ratio(self.sum_matched_iou, self.counts[0.5].tp)

    @property
    def mean_true_iou(self) -> float:
        """Mean over the true nuclei of their IoU as matched at 0.5, where a missed one has 0."""
        return self.counts[0.5].ratio(self.sum_matched_iou, self.num_truth)

    @property
    def pq(self) -> float:
        """Panoptic quality, sum of IoU / (TP + FP / 2 + FN / 2) at 0.5 (Kirillov et al. 2019): SQ times F1."""
        return self.counts[0.5].ratio(self.sum_matched_iou, (self.num_truth + self.num_predicted) / 2)

    @property
    def seg(self) -> float:
        """SEG of the Cell Tracking Challenge (Maska et al. 2014).

        The mean over the true nuclei of the IoU with the predicted instance that holds more than half of the nucleus,
        0 where there is none. False positives do not lower it, but where there is no true nucleus.
        """
        return self.counts[0.5].ratio(self.sum_seg, self.num_truth)


def score(
    truth: NDArray[Any], predicted: NDArray[Any], optimal: bool = True, spacing: Sequence[float] | None = None
) -> Scores:
    """Score a segmentation; parameters as in `overlaps`, `match` and `by_density`."""
    return scores_of(overlaps(truth, predicted), optimal, spacing)


def scores_of(table: Overlaps, optimal: bool = True, spacing: Sequence[float] | None = None) -> Scores:
    """Score what overlaps; parameters as in `match` and `by_density`."""
    matchings = {threshold: match(table, threshold, optimal) for threshold in THRESHOLDS}
    # Above 0.5 no instance has two partners, and there is one matching only.
    matching = matchings[0.5]
    mistakes = find_mistakes(table, matching)
    most = 2 * table.shared > table.truth_sizes[table.truth_index]
    return Scores(
        counts={threshold: count(table, each) for threshold, each in matchings.items()},
        sum_matched_iou=float(matching.iou.sum()),
        sum_seg=float(table.iou[most].sum()),
        splits=len(mistakes.splits),
        merges=len(mistakes.merges),
        strata={"by_size": by_size(table, matching), "by_density": by_density(table, matching, spacing)},
    )


def pool_scores(scores: Sequence[Scores]) -> Scores:
    """Put at least one volume's scores together, as if all nuclei were of one volume; strata stay those of each."""
    return Scores(
        counts={threshold: pool(each.counts[threshold] for each in scores) for threshold in THRESHOLDS},
        sum_matched_iou=sum(each.sum_matched_iou for each in scores),
        sum_seg=sum(each.sum_seg for each in scores),
        splits=sum(each.splits for each in scores),
        merges=sum(each.merges for each in scores),
        strata={name: reduce(add, (each.strata[name] for each in scores)) for name in scores[0].strata},
    )
