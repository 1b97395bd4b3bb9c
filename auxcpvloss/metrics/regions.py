"""How much of regions overlaps: Dice, of the foreground and of matched pairs; aggregated Jaccard index."""

from __future__ import annotations

import numpy as np

from auxcpvloss.metrics.average_precision import COUNTS
from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.metric import Metric, Number, Numbers, total, weighted_by


def _dice(comparison: Comparison) -> Numbers:
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
    compute=_dice,
    card={
        "dice.foreground": "2 |A and B| / (|A| + |B|), A all voxels of true nuclei, B all of predicted instances; "
        "dice.voxels: |A| + |B|",
        "dice.matched": "mean of 2 |a and b| / (|a| + |b|) over the pairs (a, b) matched at t = 0.5",
    },
)


def _aggregated_jaccard(comparison: Comparison) -> Numbers:
    """Give the AJI of Kumar et al. 2017, algorithm 1.

    Each true nucleus goes with the predicted instance of the greatest IoU (of equals, the one that appears first), so
    that an instance may go with several. Intersections and unions of these pairs are added up; nuclei without any
    overlap, and instances that go with none, add to the unions.
    """
    table = comparison.overlaps
    # The sort is stable: of equals the first.
    order = np.lexsort((-table.iou, table.truth_index))
    best = order[np.unique(table.truth_index[order], return_index=True)[1]]
    chosen, shared = table.predicted_index[best], int(table.shared[best].sum())
    union = table.truth_sizes.sum() + table.predicted_sizes[chosen].sum() - shared
    union += np.delete(table.predicted_sizes, chosen).sum()
    return {
        "aggregated_jaccard.AJI": comparison.counts.ratio(shared, int(union)),
        "aggregated_jaccard.union": int(union),
    }


AGGREGATED_JACCARD = Metric(
    needs="overlaps",
    numbers={
        "aggregated_jaccard.AJI": Number("AJI", "higher", weighted_by("aggregated_jaccard.union")),
        "aggregated_jaccard.union": Number("union of AJI", "neither", total),
    },
    compute=_aggregated_jaccard,
    card={
        "AJI": "aggregated Jaccard index: sum of the intersections / sum of the unions, of each true nucleus with the "
        "predicted instance of the greatest IoU; nuclei and instances that go with none add to the unions"
    },
)
