"""Which predicted instance is which true one, one to one where they overlap enough; and which are wrong."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.metrics.counts import Counts
from auxcpvloss.metrics.overlap import Ids, Indices, Overlaps, Values
from auxcpvloss.system.lazy import lazily

sparse, csgraph = lazily("scipy.sparse"), lazily("scipy.sparse.csgraph")

BATCH = 500
"""Maximum number of pairs assigned together, where a larger group can be divided."""


class Matching(NamedTuple):
    """Instances matched one to one: the ids of both sides and the IoU of each pair, as (M,) arrays."""

    truth: Ids
    predicted: Ids
    iou: Values


class Mistakes(NamedTuple):
    """The instances that are wrong. One instance can be wrong in several ways: a piece of a split is unmatched, too.

    False positives are predicted ids without a match, false negatives true ones, both rising. `splits` has the true
    nuclei in each of which at least two predicted instances lie, with more than half of their voxels each, and the ids
    of these; `merges` has predicted instances in which true nuclei lie.
    """

    false_positives: Ids
    false_negatives: Ids
    splits: dict[int, Ids]
    merges: dict[int, Ids]


def match(overlaps: Overlaps, threshold: float, optimal: bool = True) -> Matching:
    """Match instances one to one where their IoU is greater than the threshold.

    Parameters
    ----------
    overlaps : Overlaps
    threshold : float
        A pair at exactly this IoU does not match.
    optimal : bool
        True: as many pairs as possible, and among such matchings the greatest sum of IoU.
        False: greedy by falling IoU; among equals the pair that appears first in the volume.
    """
    allowed = np.flatnonzero(overlaps.iou > threshold)
    choose = choose_optimal if optimal else choose_greedy
    chosen = allowed[choose(overlaps.truth[allowed], overlaps.predicted[allowed], overlaps.iou[allowed])]
    return Matching(overlaps.truth[chosen], overlaps.predicted[chosen], overlaps.iou[chosen])


def choose_greedy(one: NDArray[Any], other: NDArray[Any], weight: Values) -> Indices:
    """Choose pairs by falling weight; among equals the first. Parameters and result as in `choose_optimal`."""
    ones: dict[int, int] = {}
    others: set[int] = set()
    for i in np.argsort(-weight, kind="stable"):
        if one[i] not in ones and other[i] not in others:
            ones[one[i]] = i
            others.add(other[i])
    return np.array(sorted(ones.values()), dtype=np.int64)


def choose_optimal(one: NDArray[Any], other: NDArray[Any], weight: Values) -> Indices:
    """Choose as many pairs as possible, and among such choices the greatest sum of weights.

    Takes the ids of both sides of each of P possible pairs, each to be chosen once at most, and their weights, in
    [0, 1]. Gives the indices of the chosen pairs, rising.

    The time of the solver grows with the square of what it is given. So pairs that nobody contests are chosen at once,
    and the others are solved some groups at a time; a group holds all that hang together.
    """
    (rows, row), (columns, column) = (np.unique(ids, return_inverse=True) for ids in (one, other))
    if rows.size == columns.size == one.size:
        # As always above an IoU of 0.5.
        return np.arange(one.size)
    graph = sparse.coo_array(
        (np.ones(row.size, bool), (row, rows.size + column)), shape=(rows.size + columns.size,) * 2
    )
    group = csgraph.connected_components(graph, directed=False)[1][row]
    sizes = np.bincount(group)
    batch = ((np.cumsum(sizes) - sizes) // BATCH)[group]
    contested = np.flatnonzero(sizes[group] > 1)
    contested = contested[np.argsort(batch[contested], kind="stable")]
    parts = np.split(contested, np.flatnonzero(np.diff(batch[contested])) + 1)
    solved = [part[_assign(row[part], column[part], weight[part])] for part in parts]
    return np.sort(np.concatenate([np.flatnonzero(sizes[group] == 1), *solved]))


def _assign(one: Indices, other: Indices, weight: Values) -> Indices:
    """Solve a sparse assignment: no matrix of all by all. Parameters and result as in `choose_optimal`.

    The solver assigns every row. So each row has, behind the columns of `other`, a column of its own that stands for
    no match. It weighs so little that one more pair outweighs any sum of weights.
    """
    (one_ids, row), (other_ids, column) = (np.unique(ids, return_inverse=True) for ids in (one, other))
    rows, columns = one_ids.size, other_ids.size
    none = np.arange(rows)
    weights = np.append(1 + min(rows, columns) + weight, np.ones(rows))
    places = np.append(row, none), np.append(column, columns + none)
    table = sparse.coo_array((weights, places), shape=(rows, columns + rows)).tocsr()
    assigned = csgraph.min_weight_full_bipartite_matching(table, maximize=True)[1]
    return np.flatnonzero(assigned[row] == column)


def count(overlaps: Overlaps, matching: Matching) -> Counts:
    """Count matched pairs (TP), predicted instances without one (FP) and true ones without one (FN)."""
    tp = matching.iou.size
    return Counts(tp=tp, fp=overlaps.predicted_ids.size - tp, fn=overlaps.truth_ids.size - tp)


def find_mistakes(overlaps: Overlaps, matching: Matching) -> Mistakes:
    """Find the instances that are wrong; splits and merges follow from the overlaps, the others from the matching."""
    t, p = overlaps.truth_index, overlaps.predicted_index
    p_in_t = 2 * overlaps.shared > overlaps.predicted_sizes[p]
    t_in_p = 2 * overlaps.shared > overlaps.truth_sizes[t]
    return Mistakes(
        false_positives=np.setdiff1d(overlaps.predicted_ids, matching.predicted),
        false_negatives=np.setdiff1d(overlaps.truth_ids, matching.truth),
        splits=_several(overlaps.truth[p_in_t], overlaps.predicted[p_in_t]),
        merges=_several(overlaps.predicted[t_in_p], overlaps.truth[t_in_p]),
    )


def _several(holder: Ids, held: Ids) -> dict[int, Ids]:
    """Give the ids of those that hold at least two, and the ids of what they hold, both rising."""
    order = np.lexsort((held, holder))
    holders, starts = np.unique(holder[order], return_index=True)
    parts = np.split(held[order], starts[1:])
    return {int(one): part for one, part in zip(holders, parts, strict=False) if part.size > 1}
