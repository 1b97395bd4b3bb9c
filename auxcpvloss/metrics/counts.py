"""True and false positives, false negatives, and the ratios made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Literals, not 0.1 * i: an IoU of 3/10 must equal the threshold 0.3 to the last bit.
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
THRESHOLD = 0.5
"""Of the IoU, by which an instance is right or wrong where there is one threshold: that of the paper's figures."""


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and false negatives, and the ratios made of them.

    Where nothing was to be found and nothing was, all ratios are 1; otherwise a ratio of 0 to 0 is 0.
    """

    tp: int
    fp: int
    fn: int

    @property
    def num_truth(self) -> int:
        """Number of true instances."""
        return self.tp + self.fn

    @property
    def num_predicted(self) -> int:
        """Number of predicted instances."""
        return self.tp + self.fp

    @property
    def ap(self) -> float:
        """Average precision as microscopy uses the word: TP / (TP + FP + FN)."""
        return self.ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def precision(self) -> float:
        """TP / (TP + FP): how much of the prediction is right."""
        return self.ratio(self.tp, self.num_predicted)

    @property
    def recall(self) -> float:
        """TP / (TP + FN): how much of the ground truth was found."""
        return self.ratio(self.tp, self.num_truth)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN): harmonic mean of precision and recall."""
        return self.ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    def ratio(self, part: float, whole: float) -> float:
        """Divide by the rule of this class for 0 to 0."""
        if whole:
            return part / whole
        return float(self.tp + self.fp + self.fn == 0)

    def at(self, path: str) -> dict[str, float]:
        """Give counts and ratios as the numbers of the table at a dotted path."""
        ratios = {"precision": self.precision, "recall": self.recall, "fscore": self.f1}
        cell = {"AP": self.ap, "TP": self.tp, "FP": self.fp, "FN": self.fn, **ratios}
        return {f"{path}.{name}": value for name, value in cell.items()}


def pool(counts: Iterable[Counts]) -> Counts:
    """Add up the counts of several volumes."""
    each = list(counts)
    return Counts(tp=sum(c.tp for c in each), fp=sum(c.fp for c in each), fn=sum(c.fn for c in each))
