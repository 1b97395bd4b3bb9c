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
from study.scores import Volume, has, score

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
    """Give the difference in each group of volumes: the mean over the runs that both have."""
    theirs = {(each["fold"], each["seed"]): each["scores"] for each in others}
    found: dict[str, list[float]] = {}
    for each in own:
        of_others = _by_group(study, theirs.get((each["fold"], each["seed"]), {}), metric)
        for group, volumes in _by_group(study, each["scores"], metric).items():
            if same := volumes.keys() & of_others.get(group, {}).keys():
                pair = [score([side[name] for name in same], metric) for side in (volumes, of_others[group])]
                found.setdefault(group, []).append(pair[0] - pair[1])
    return {group: mean(values) for group, values in sorted(found.items())}


def scores_by_group(study: Study, own: Sequence[Record], metric: str) -> dict[str, float]:
    """Give the score of each group of volumes: the mean over all runs."""
    found: dict[str, list[float]] = {}
    for each in own:
        for group, volumes in _by_group(study, each["scores"], metric).items():
            found.setdefault(group, []).append(score(volumes.values(), metric))
    return {group: mean(values) for group, values in sorted(found.items())}


def _by_group(study: Study, scores: Mapping[str, Volume], metric: str) -> dict[str, dict[str, Volume]]:
    """Sort the volumes that have a score by their group."""
    found: dict[str, dict[str, Volume]] = {}
    for volume, values in scores.items():
        if has(values, metric):
            found.setdefault(study.group_of(volume), {})[volume] = values
    return found


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
