"""What went wrong, instance by instance: false positives, false negatives, splits and merges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auxcpvloss.metrics.matching import Matching
from auxcpvloss.metrics.overlap import Ids, Indices, Overlaps


@dataclass(frozen=True, eq=False)
class Mistakes:
    """The instances that are wrong. One instance can be wrong in several ways: a piece of a split is unmatched, too.

    Attributes
    ----------
    false_positives : (F,) array of integer
        Predicted ids without a match, rising.
    false_negatives : (N,) array of integer
        True ids without a match, rising.
    splits : dict of true id to (S,) array of predicted ids
        True nuclei in each of which at least two predicted instances lie, with more than half of their voxels each.
    merges : dict of predicted id to (S,) array of true ids
        Predicted instances in each of which at least two true nuclei lie, with more than half of their voxels each.
    """

    false_positives: Ids
    false_negatives: Ids
    splits: dict[int, Ids]
    merges: dict[int, Ids]


def find_mistakes(overlaps: Overlaps, matching: Matching) -> Mistakes:
    """Find the instances that are wrong.

    Splits and merges follow from the overlaps alone; what is a false positive or negative, from the matching.
    """
    t, p = overlaps.truth_index, overlaps.predicted_index
    p_in_t = 2 * overlaps.shared > overlaps.predicted_sizes[p]
    t_in_p = 2 * overlaps.shared > overlaps.truth_sizes[t]
    return Mistakes(
        false_positives=np.setdiff1d(overlaps.predicted_ids, matching.predicted),
        false_negatives=np.setdiff1d(overlaps.truth_ids, matching.truth),
        splits=_several(t[p_in_t], p[p_in_t], overlaps.truth_ids, overlaps.predicted_ids),
        merges=_several(p[t_in_p], t[t_in_p], overlaps.predicted_ids, overlaps.truth_ids),
    )


def _several(holder: Indices, held: Indices, holder_ids: Ids, held_ids: Ids) -> dict[int, Ids]:
    """Give the ids of those that hold at least two, and the ids of what they hold, both rising."""
    order = np.lexsort((held, holder))
    holders, starts, numbers = np.unique(holder[order], return_index=True, return_counts=True)
    several = numbers > 1
    return {
        int(holder_ids[one]): held_ids[held[order[start : start + number]]]
        for one, start, number in zip(holders[several], starts[several], numbers[several], strict=True)
    }
