"""Aggregated Jaccard index."""

from __future__ import annotations

import numpy as np

from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.metric import Metric, Number, Numbers, total, weighted_by


def _compute(comparison: Comparison) -> Numbers:
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
    compute=_compute,
    card={
        "AJI": "aggregated Jaccard index: sum of the intersections / sum of the unions, of each true nucleus with the "
        "predicted instance of the greatest IoU; unmatched nuclei and instances add to the unions"
    },
)
