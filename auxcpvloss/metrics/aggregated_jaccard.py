"""Aggregated Jaccard index."""

from __future__ import annotations

import numpy as np

from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.metric import Metric, Number, Numbers, total, weighted_by


def _compute(comparison: Comparison) -> Numbers:
    """Give the AJI of Kumar et al. 2017, algorithm 1.

    Each true nucleus goes with the predicted instance of the greatest IoU (of equal ones, that which appears first), so
    that an instance may go with several. Intersections and unions of these pairs are added up; to the unions, the
    nuclei without any overlap and the instances that go with none.
    """
    table = comparison.overlaps
    true, predicted = table.truth_index, table.predicted_index
    # The sort is stable: of equals the first.
    order = np.lexsort((-table.iou, true))
    best = order[np.unique(true[order], return_index=True)[1]]
    union = table.truth_sizes.sum() + table.predicted_sizes[predicted[best]].sum() - table.shared[best].sum()
    union += np.delete(table.predicted_sizes, predicted[best]).sum()
    return {
        "aggregated_jaccard.AJI": comparison.counts.ratio(int(table.shared[best].sum()), int(union)),
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
        "predicted instance of the greatest IoU; nuclei and instances that go with none add to the unions"
    },
)
