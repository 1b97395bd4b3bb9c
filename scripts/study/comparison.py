"""Differences between variants by group of volumes, with interval and test over groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import mean

import numpy as np
from scipy.stats import t

from study.plan import Study, Variant
from study.run import Record

EXACT = 16
"""Up to so many groups all changes of signs are tried."""


@dataclass(frozen=True)
class Comparison:
    """A variant against the one that it is compared with.

    Attributes
    ----------
    mean : float
        Mean of `by_group`.
    low, high : float
        95 % t interval of the mean; nan with one group.
    p : float
        Of the sign-flip test; nan with one group.
    by_group : mapping of group to float
        Mean difference over the volumes of the group, and over all runs (fold and seed) that both variants have.
    """

    mean: float
    low: float
    high: float
    p: float
    by_group: Mapping[str, float]


def compare(study: Study, variant: Variant, records: Sequence[Record], metric: str) -> Comparison | None:
    """Compare a variant; None if both have no run in common with this score, and for what is compared with itself."""
    found = differences(study, of_variant(records, variant.name), of_variant(records, variant.against), metric)
    if variant.against == variant.name or not found:
        return None
    values = np.array(list(found.values()))
    if values.size == 1:
        return Comparison(float(values[0]), np.nan, np.nan, np.nan, found)
    return Comparison(float(values.mean()), *interval(values), sign_flip_test(values), found)


def of_variant(records: Sequence[Record], name: str) -> list[Record]:
    """Choose the records of a variant."""
    return [each for each in records if each["variant"] == name]


def differences(study: Study, own: Sequence[Record], others: Sequence[Record], metric: str) -> dict[str, float]:
    """Give the mean difference in each group of volumes, over the runs that both have and the volumes of the group."""
    theirs = {(each["fold"], each["seed"]): each["scores"] for each in others}
    found: dict[str, list[float]] = {}
    for each in own:
        for volume, values in theirs.get((each["fold"], each["seed"]), {}).items():
            own_values = each["scores"][volume]
            # Models that find points have no scores of overlap.
            if metric in values and metric in own_values:
                found.setdefault(study.group_of(volume), []).append(own_values[metric] - values[metric])
    return {group: mean(values) for group, values in sorted(found.items())}


def scores_by_group(study: Study, own: Sequence[Record], metric: str) -> dict[str, float]:
    """Give the mean score in each group of volumes, over all runs and the volumes of the group."""
    found: dict[str, list[float]] = {}
    for each in own:
        for volume, values in each["scores"].items():
            if metric in values:
                found.setdefault(study.group_of(volume), []).append(values[metric])
    return {group: mean(values) for group, values in sorted(found.items())}


def interval(values: np.ndarray) -> tuple[float, float]:
    """Give the 95 % t interval of a mean."""
    width = t.isf(0.025, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)
    return float(values.mean() - width), float(values.mean() + width)


def sign_flip_test(values: np.ndarray) -> float:
    """Give the two-sided p value of no difference: the share of all changes of signs with as large a mean."""
    if values.size > EXACT:
        signs = np.random.default_rng(0).choice((-1, 1), (2**EXACT, values.size))
    else:
        signs = np.array(list(product((-1, 1), repeat=values.size)))
    return float(np.mean(np.abs(signs @ values) >= abs(values.sum()) - 1e-12))
