"""PQ, SEG, means of the IoU, splits and merges: how well outlines fit."""

from __future__ import annotations

from auxcpvloss.metrics.average_precision import COUNTS
from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.metric import Metric, Number, Numbers, total, weighted_by

TP, FP, FN = COUNTS


def _compute(comparison: Comparison) -> Numbers:
    """Give PQ of Kirillov et al. 2019, SEG of Maska et al. 2014, and the others."""
    table, counts, mistakes = comparison.overlaps, comparison.counts, comparison.mistakes
    tp, fp, fn = counts
    summed = float(comparison.matching.iou.sum())
    most = 2 * table.shared > table.truth_sizes[table.truth_index]
    return {
        "quality.PQ": counts.ratio(summed, (tp + fn + tp + fp) / 2),
        "quality.SEG": counts.ratio(float(table.iou[most].sum()), tp + fn),
        "quality.mean_matched_iou": counts.ratio(summed, tp),
        "quality.mean_true_iou": counts.ratio(summed, tp + fn),
        "quality.splits": len(mistakes.splits),
        "quality.merges": len(mistakes.merges),
    }


QUALITY = Metric(
    needs="overlaps",
    numbers={
        "quality.PQ": Number("PQ", "higher", weighted_by(TP, TP, FP, FN)),
        "quality.SEG": Number("SEG", "higher", weighted_by(TP, FN)),
        "quality.mean_matched_iou": Number("mean_matched_iou", "higher", weighted_by(TP)),
        "quality.mean_true_iou": Number("mean_true_iou", "higher", weighted_by(TP, FN)),
        "quality.splits": Number("splits", "lower", total),
        "quality.merges": Number("merges", "lower", total),
    },
    compute=_compute,
    card={
        "PQ": "panoptic quality at t = 0.5: sum of the IoU of matched pairs / (TP + FP / 2 + FN / 2) = SQ x RQ; SQ is "
        "mean_matched_iou, RQ is th_0_5.fscore",
        "SEG": "of the Cell Tracking Challenge: mean over the true nuclei of the IoU with the predicted instance that "
        "covers more than half of the nucleus, 0 where there is none; false positives do not lower it",
        "mean_matched_iou": "mean IoU of the pairs matched at t = 0.5",
        "mean_true_iou": "mean over the true nuclei of the IoU as matched at t = 0.5, 0 for missed ones",
        "splits": "true nuclei in each of which at least two predicted instances lie with more than half of their "
        "voxels",
        "merges": "predicted instances in each of which at least two true nuclei lie with more than half of their "
        "voxels",
    },
)
