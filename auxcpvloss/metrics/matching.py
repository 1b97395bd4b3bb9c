"""Which predicted instance is which true one: one to one, where they overlap enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from auxcpvloss.metrics.counts import Counts
from auxcpvloss.metrics.overlap import Overlaps

BATCH = 500
"""Pairs that are assigned together, if they need not be more."""


@dataclass(frozen=True, eq=False)
class Matching:
    """Instances matched one to one: the ids of both sides and the IoU of each pair, as (M,) arrays."""

    truth: NDArray[Any]
    predicted: NDArray[Any]
    iou: NDArray[np.float64]


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


def choose_greedy(one: NDArray[Any], other: NDArray[Any], weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Choose pairs by falling weight; among equals the first. Parameters and result as in `choose_optimal`."""
    taken_one: set[int] = set()
    taken_other: set[int] = set()
    chosen = []
    for i in np.argsort(-weight, kind="stable"):
        if one[i] not in taken_one and other[i] not in taken_other:
            taken_one.add(one[i])
            taken_other.add(other[i])
            chosen.append(i)
    return np.array(sorted(chosen), dtype=np.int64)


def choose_optimal(one: NDArray[Any], other: NDArray[Any], weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Choose as many pairs as possible, and among such choices the greatest sum of weights.

    Parameters
    ----------
    one, other : (P,) arrays of integer
        The ids of both sides of each possible pair; each id is chosen once at most.
    weight : (P,) array of float64
        Of each pair, in [0, 1].

    Returns
    -------
    (M,) array of int64
        Indices of the chosen pairs, rising.

    Notes
    -----
    The solver takes a time that grows with the square of what it is given. So pairs that nobody contests are chosen
    at once, and the others are solved some groups at a time; a group holds all that hang together.
    """
    one_ids, row = np.unique(one, return_inverse=True)
    other_ids, column = np.unique(other, return_inverse=True)
    if one_ids.size == other_ids.size == one.size:
        # As always above an IoU of 0.5.
        return np.arange(one.size)
    group = _groups(row, column)
    sizes = np.bincount(group)
    batch = ((np.cumsum(sizes) - sizes) // BATCH)[group]
    contested = np.flatnonzero(sizes[group] > 1)
    contested = contested[np.argsort(batch[contested], kind="stable")]
    parts = np.split(contested, np.flatnonzero(np.diff(batch[contested])) + 1)
    solved = [part[_assign(row[part], column[part], weight[part])] for part in parts]
    return np.sort(np.concatenate([np.flatnonzero(sizes[group] == 1), *solved]))


def _groups(row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the groups of pairs that hang together by what they share: the number of each pair."""
    rows, columns = row.max() + 1, column.max() + 1
    graph = coo_array((np.ones(row.size, bool), (row, rows + column)), shape=(rows + columns,) * 2)
    return connected_components(graph, directed=False)[1][row].astype(np.int64)


def _assign(one: NDArray[np.int64], other: NDArray[np.int64], weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Solve a sparse assignment: no matrix of all by all. Parameters and result as in `choose_optimal`.

    The solver assigns every row. So each row has, behind the columns of `other`, a column of its own that stands for
    no match. It weighs so little that one more pair outweighs any sum of weights.
    """
    one_ids, row_of = np.unique(one, return_inverse=True)
    other_ids, column_of = np.unique(other, return_inverse=True)
    rows, columns = one_ids.size, other_ids.size
    none = np.arange(rows)
    table = coo_array(
        (
            np.append(1 + min(rows, columns) + weight, np.ones(rows)),
            (np.append(row_of, none), np.append(column_of, columns + none)),
        ),
        shape=(rows, columns + rows),
    )
    row, column = min_weight_full_bipartite_matching(table.tocsr(), maximize=True)
    assigned = column[np.argsort(row)]
    return np.flatnonzero(assigned[row_of] == column_of)


def count(overlaps: Overlaps, matching: Matching) -> Counts:
    """Count matched pairs (TP), predicted instances without one (FP) and true ones without one (FN)."""
    tp = matching.iou.size
    return Counts(tp=tp, fp=overlaps.predicted_ids.size - tp, fn=overlaps.truth_ids.size - tp)
