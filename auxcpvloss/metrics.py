"""How well a segmentation agrees with the ground truth: matching of instances, and average precision.

Pure functions of arrays. Imports numpy and scipy alone, so that other environments can run it beside
other software (scripts/compare_with_stardist.sh).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
        return sum(counts.ap for counts in self.counts.values()) / len(self.counts)


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
    choose = _choose_optimal if optimal else _choose_greedy
    chosen = allowed[choose(overlaps.truth[allowed], overlaps.predicted[allowed], overlaps.iou[allowed])]
    return Matching(overlaps.truth[chosen], overlaps.predicted[chosen], overlaps.iou[chosen])


def _choose_greedy(truth: NDArray[Any], predicted: NDArray[Any], iou: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the indices of the chosen pairs."""
    taken_truth: set[int] = set()
    taken_predicted: set[int] = set()
    chosen = []
    for i in np.argsort(-iou, kind="stable"):
        if truth[i] not in taken_truth and predicted[i] not in taken_predicted:
            taken_truth.add(truth[i])
            taken_predicted.add(predicted[i])
            chosen.append(i)
    return np.array(sorted(chosen), dtype=np.int64)


def _choose_optimal(truth: NDArray[Any], predicted: NDArray[Any], iou: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the indices of the chosen pairs, by a sparse assignment: no matrix of all by all instances.

    The solver assigns every row. So each true instance (row) has, behind the predicted ones, a column of its
    own that stands for no match. It weighs so little that one more pair outweighs any sum of IoU.
    """
    truth_ids, t = np.unique(truth, return_inverse=True)
    predicted_ids, p = np.unique(predicted, return_inverse=True)
    rows, columns = truth_ids.size, predicted_ids.size
    none = np.arange(rows)
    weight = coo_array(
        (np.append(1 + min(rows, columns) + iou, np.ones(rows)), (np.append(t, none), np.append(p, columns + none))),
        shape=(rows, columns + rows),
    )
    row, column = min_weight_full_bipartite_matching(weight.tocsr(), maximize=True)
    assigned = column[np.argsort(row)]
    return np.flatnonzero(assigned[t] == p)


def count(overlaps: Overlaps, matching: Matching) -> Counts:
    """Count matched pairs (TP), predicted instances without one (FP) and true ones without one (FN)."""
    tp = matching.iou.size
    return Counts(tp=tp, fp=overlaps.predicted_ids.size - tp, fn=overlaps.truth_ids.size - tp)


def pool(counts: Iterable[Counts]) -> Counts:
    """Add up the counts of several volumes."""
    each = list(counts)
    return Counts(tp=sum(c.tp for c in each), fp=sum(c.fp for c in each), fn=sum(c.fn for c in each))


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


def as_table(scores: Scores) -> dict[str, dict[str, Any]]:
    """Write the scores as nested tables, under the names that the original software gave them.

    A metric then has a dotted path, such as ``confusion_matrix.th_0_5.AP``.
    """
    confusion_matrix: dict[str, Any] = {"avAP": scores.av_ap}
    for threshold, counts in scores.counts.items():
        confusion_matrix[f"th_{threshold}".replace(".", "_")] = {
            "AP": counts.ap,
            "TP": counts.tp,
            "FP": counts.fp,
            "FN": counts.fn,
            "precision": counts.precision,
            "recall": counts.recall,
            "fscore": counts.f1,
        }
    general = {
        "num_gt": scores.num_truth,
        "num_pred": scores.num_predicted,
        "empty_prediction": scores.num_predicted == 0,
        "avAP": scores.av_ap,
    }
    return {"general": general, "confusion_matrix": confusion_matrix}


def metric_paths() -> list[str]:
    """Give the paths of keys, as in ``confusion_matrix.th_0_5.AP``, of all numbers in the table of an evaluation."""
    nothing = np.zeros((1, 1, 1), dtype=np.uint8)

    def paths(table: Mapping[str, Any], at: str = "") -> Iterator[str]:
        for key, value in table.items():
            if isinstance(value, Mapping):
                yield from paths(value, f"{at}{key}.")
            elif not isinstance(value, bool):
                yield f"{at}{key}"

    return list(paths(as_table(score(nothing, nothing))))
