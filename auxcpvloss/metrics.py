"""How well a segmentation agrees with the ground truth: matching of instances, and average precision.

Pure functions of arrays. Imports numpy and scipy alone, so that other environments can run it beside
other software (scripts/compare_with_stardist.sh).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

# Literals, not 0.1 * i: an IoU of 3/10 must equal the threshold 0.3 to the last bit.
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and false negatives, and the ratios made of them.

    Where nothing was to be found and nothing was, all ratios are 1; otherwise a ratio of 0 to 0 is 0.
    """

    tp: int
    fp: int
    fn: int

    @property
    def ap(self) -> float:
        """Average precision as microscopy uses the word: TP / (TP + FP + FN)."""
        return self._ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def precision(self) -> float:
        """TP / (TP + FP): how much of the prediction is right."""
        return self._ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """TP / (TP + FN): how much of the ground truth was found."""
        return self._ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN): harmonic mean of precision and recall."""
        return self._ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    def _ratio(self, part: int, whole: int) -> float:
        if whole:
            return part / whole
        return float(self.tp + self.fp + self.fn == 0)


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Which instances of two volumes share voxels, and how many: a sparse table.

    Attributes
    ----------
    truth, predicted : (P,) arrays of integer
        The ids of each overlapping pair, in the order in which the pairs first appear in the volume.
    iou : (P,) array of float64
        Intersection over union of each pair, in (0, 1].
    truth_ids, predicted_ids : (T,) and (R,) arrays of integer
        All instances, also those that overlap with nothing.
    truth_sizes, predicted_sizes : (T,) and (R,) arrays of int64
        Their sizes in voxels.
    """

    truth: NDArray[Any]
    predicted: NDArray[Any]
    iou: NDArray[np.float64]
    truth_ids: NDArray[Any]
    predicted_ids: NDArray[Any]
    truth_sizes: NDArray[np.int64]
    predicted_sizes: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Matching:
    """Instances matched one to one: the ids of both sides and the IoU of each pair, as (M,) arrays."""

    truth: NDArray[Any]
    predicted: NDArray[Any]
    iou: NDArray[np.float64]


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


def overlaps(truth: NDArray[Any], predicted: NDArray[Any]) -> Overlaps:
    """Tabulate which instances of two label volumes share voxels.

    Parameters
    ----------
    truth, predicted : arrays of integer, of the same shape
        Label volumes; 0 is background. Labels need be neither small nor consecutive.

    Raises
    ------
    ValueError
        If the shapes differ or a label is negative.
    TypeError
        If an array is not of an integer type.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"two label volumes of different shape: {truth.shape} and {predicted.shape}")
    truth_labels, predicted_labels, lengths = _runs(truth, predicted)
    truth_ids, truth_index, truth_sizes = _instances(truth_labels, lengths, "truth")
    predicted_ids, predicted_index, predicted_sizes = _instances(predicted_labels, lengths, "predicted")

    both = (truth_index >= 0) & (predicted_index >= 0)
    key = truth_index[both] * predicted_ids.size + predicted_index[both]
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    shared = np.bincount(inverse, weights=lengths[both]).astype(np.int64)

    # Order of appearance: it does not depend on the values of the labels, and so neither do ties.
    order = np.argsort(first)
    t, p = truth_index[both][first[order]], predicted_index[both][first[order]]
    iou = shared[order] / (truth_sizes[t] + predicted_sizes[p] - shared[order])
    return Overlaps(truth_ids[t], predicted_ids[p], iou, truth_ids, predicted_ids, truth_sizes, predicted_sizes)


def _runs(truth: NDArray[Any], predicted: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Return the labels and the length of each run of voxels along which neither label changes.

    Sorting some runs instead of many voxels is what makes the table fast and small.
    """
    t, p = truth.ravel(), predicted.ravel()
    begins = np.ones(t.size, dtype=bool)
    begins[1:] = (t[1:] != t[:-1]) | (p[1:] != p[:-1])
    starts = np.flatnonzero(begins)
    return t[starts], p[starts], np.diff(starts, append=t.size)


def _instances(
    labels: NDArray[Any], lengths: NDArray[np.int64], name: str
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Return the positive ids, for each run the index of its id (-1: background), and the sizes in voxels."""
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"{name}: labels must be of an integer type, not {labels.dtype}")
    ids, inverse = np.unique(labels, return_inverse=True)
    if ids.size and ids[0] < 0:
        raise ValueError(f"{name}: labels must not be negative, but there is {ids[0]}")
    background = int(ids.size > 0 and ids[0] == 0)
    sizes = np.bincount(inverse, weights=lengths, minlength=ids.size).astype(np.int64)
    return ids[background:], inverse - background, sizes[background:]


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
    A sparse assignment: no matrix of all by all. The solver assigns every row. So each row has, behind the columns
    of `other`, a column of its own that stands for no match. It weighs so little that one more pair outweighs any
    sum of weights.
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


def pool(counts: Iterable[Counts]) -> Counts:
    """Add up the counts of several volumes."""
    each = list(counts)
    return Counts(tp=sum(c.tp for c in each), fp=sum(c.fp for c in each), fn=sum(c.fn for c in each))


def mean_ap(counts: Collection[Counts]) -> float:
    """Mean of the average precision of some counts."""
    return sum(c.ap for c in counts) / len(counts)


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
