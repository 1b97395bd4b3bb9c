"""Dice: of the foreground, and of matched pairs."""

from __future__ import annotations

from auxcpvloss.metrics.average_precision import COUNTS
from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.metric import Metric, Number, Numbers, total, weighted_by


def _compute(comparison: Comparison) -> Numbers:
    """Give Dice (1945), 2 |A and B| / (|A| + |B|); that of a pair is 2 IoU / (1 + IoU)."""
    table, counts, iou = comparison.overlaps, comparison.counts, comparison.matching.iou
    voxels = int(table.truth_sizes.sum() + table.predicted_sizes.sum())
    return {
        "dice.foreground": counts.ratio(2 * int(table.shared.sum()), voxels),
        "dice.matched": counts.ratio(float((2 * iou / (1 + iou)).sum()), counts.tp),
        "dice.voxels": voxels,
    }


DICE = Metric(
    needs="overlaps",
    numbers={
        "dice.foreground": Number("Dice of the foreground", "higher", weighted_by("dice.voxels")),
        "dice.matched": Number("Dice of matched pairs", "higher", weighted_by(COUNTS[0])),
        "dice.voxels": Number("voxels of truth and result", "neither", total),
    },
    compute=_compute,
    card={
        "dice.foreground": "2 |A and B| / (|A| + |B|), A all voxels of true nuclei, B all of predicted instances; "
        "dice.voxels: |A| + |B|",
        "dice.matched": "mean of 2 |a and b| / (|a| + |b|) over the pairs (a, b) matched at t = 0.5",
    },
)
