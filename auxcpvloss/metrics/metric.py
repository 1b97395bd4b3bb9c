"""What a metric is; `registry` lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from auxcpvloss.metrics.comparison import Comparison

Numbers = dict[str, Any]
"""Numbers of a volume by dotted path, such as ``confusion_matrix.th_0_5.AP``."""
Better = Literal["higher", "lower", "neither"]
Pool = Callable[[str, Sequence[Numbers]], float]
"""Path, and the numbers of all volumes that have it -> pooled number."""


class Number(NamedTuple):
    """A number: its name in figures and tables, which way it improves, and how to pool it over volumes."""

    heading: str
    better: Better
    pool: Pool

    @property
    def is_count(self) -> bool:
        """Whether it counts something, so that it is defined also where there is nothing to be found."""
        return self.pool is total


class Metric(NamedTuple):
    """A metric, or a family of them.

    Attributes
    ----------
    needs : {"points", "overlaps", "voxels"}
        What it is made from. All but "points" exist only where outlines are compared.
    numbers : mapping of dotted path to Number
    compute : callable
        Gives the numbers of a volume by path, but for those that are not defined for it.
    card : mapping, or callable
        Says what the numbers mean, a text a name; a callable where that depends on how the comparison was made.
    always : bool
        Whether each volume has all numbers. Validation does not select by one that may be missing.
    """

    needs: Literal["points", "overlaps", "voxels"]
    numbers: Mapping[str, Number]
    compute: Callable[[Comparison], Numbers]
    card: Mapping[str, str] | Callable[[Comparison], Mapping[str, str]]
    always: bool = True


def total(path: str, volumes: Sequence[Numbers]) -> float:
    """Pool counts: add them up."""
    return sum(volume[path] for volume in volumes)


def weighted_by(*counts: str) -> Pool:
    """Pool means and ratios: average them, weighted by what they were divided by, the sum of the counts at some paths.

    A path that is named twice counts twice. Where all weights are 0 the least value is given: 0 / 0 is 1 where nothing
    was to be found and nothing was, and else 0.
    """

    def pool(path: str, volumes: Sequence[Numbers]) -> float:
        weights = [sum(volume[count] for count in counts) for volume in volumes]
        values = [volume[path] for volume in volumes]
        if not any(weights):
            return min(values)
        return sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights)

    return pool


def numbers_at(path: str, heading: str) -> dict[str, Number]:
    """Describe the numbers of `Counts.at`; `heading` has braces for the name of each."""
    tp, fp, fn = counts = [f"{path}.{name}" for name in ("TP", "FP", "FN")]
    return {
        f"{path}.AP": Number(heading.format("AP"), "higher", weighted_by(*counts)),
        tp: Number(heading.format("TP"), "higher", total),
        fp: Number(heading.format("FP"), "lower", total),
        fn: Number(heading.format("FN"), "lower", total),
        f"{path}.precision": Number(heading.format("precision"), "higher", weighted_by(tp, fp)),
        f"{path}.recall": Number(heading.format("recall"), "higher", weighted_by(tp, fn)),
        f"{path}.fscore": Number(heading.format("F1"), "higher", weighted_by(tp, *counts)),
    }
