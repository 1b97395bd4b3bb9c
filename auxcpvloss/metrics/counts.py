"""True and false positives, false negatives, and the ratios made of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

# Literals, not 0.1 * i: an IoU of 3/10 must equal the threshold 0.3 to the last bit.
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
THRESHOLD = 0.5
"""IoU threshold for a correct instance where only one threshold is used: that of the paper's figures."""


class Counts(NamedTuple):
    """True positives, false positives and false negatives, and the ratios made of them.

    Where nothing was to be found and nothing was, all ratios are 1; otherwise a ratio of 0 to 0 is 0. Means leave out
    volumes in which nothing was to be found, see `table.defined_numbers`.
    """

    tp: int
    fp: int
    fn: int

    @property
    def ap(self) -> float:
        """Average precision as microscopy uses the word: TP / (TP + FP + FN)."""
        return self.ratio(self.tp, sum(self))

    def ratio(self, part: float, whole: float) -> float:
        """Divide by the rule of this class for 0 to 0."""
        return part / whole if whole else float(not any(self))

    def at(self, path: str) -> dict[str, float]:
        """Give AP, counts, precision, recall and F1 as the numbers of the table at a dotted path."""
        tp, fp, fn = self
        ratios = {"precision": (tp, tp + fp), "recall": (tp, tp + fn), "fscore": (2 * tp, 2 * tp + fp + fn)}
        cell = {"AP": self.ap, "TP": tp, "FP": fp, "FN": fn, **{name: self.ratio(*of) for name, of in ratios.items()}}
        return {f"{path}.{name}": value for name, value in cell.items()}


def pool(counts: Iterable[Counts]) -> Counts:
    """Add up the counts of several volumes."""
    return Counts(*map(sum, zip(Counts(0, 0, 0), *counts, strict=True)))
