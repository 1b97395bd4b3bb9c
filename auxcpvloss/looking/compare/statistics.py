"""Means of runs on volumes: how sure they are, and whether those of two groups of runs differ.

Pure functions of arrays (..., runs, volumes). All runs are scored on the same volumes, so a score is thought of as::

    score = mean of the method + volume + run + (method x volume) + (run x volume)

with independent, normally distributed deviations. The volume's own deviation is shared by all methods and cancels in
their difference. That of the run is one draw a training, however many volumes it is scored on. Volumes that are not
independent of each other, such as the times of an embryo, come in groups: then the means over the volumes of each group
take the place of volumes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import t

Floats = NDArray[np.floating[Any]]

ALPHA = 0.05
"""Level of intervals (95 %) and verdicts: the probability of a wrong one."""
DRAWS = 10_000
SMALLEST_P = 1e-12
"""Smaller p values are given as this."""


class Parts(NamedTuple):
    """The difference of two means (other minus baseline), and its variance in parts that are estimated independently.

    `runs` is the variance due to the draw of trainings: one array for both groups together, or one for each if they
    differ in size; `volumes`, that due to the draw of volumes. What is left to chance in single scores (run x volume)
    is in both, so that their sum is too large rather than too small. Each part has degrees of freedom.
    """

    difference: Floats
    runs: tuple[Floats, ...]
    volumes: Floats
    runs_df: tuple[int, ...]
    volumes_df: int


class Test(NamedTuple):
    """Whether two means differ: the difference, its 95 % interval, and the p value of no difference.

    There is neither interval nor p value if chance cannot be estimated: with fewer than two runs of each or two
    volumes, or scores that do not vary at all.
    """

    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None


def means_of_groups(scores: Floats, groups: Sequence[str]) -> NDArray[np.float64]:
    """Give the means over the volumes of each group: a (..., runs, groups) array, groups as they first appear."""
    codes = _codes(groups)
    weights = np.zeros((len(codes), codes.max() + 1))
    weights[np.arange(len(codes)), codes] = 1 / np.bincount(codes)[codes]
    return np.asarray(scores @ weights, np.float64)


def _codes(groups: Sequence[str]) -> NDArray[np.int64]:
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return np.array([numbers[group] for group in groups], np.int64)


def bootstrap_interval(
    scores: Floats, draws: int = DRAWS, seed: int = 0, groups: Sequence[str] | None = None
) -> tuple[float, float]:
    """Interval of a mean by a hierarchical bootstrap: runs are drawn, groups of volumes, and volumes within each.

    Volumes are not drawn anew for each run: the runs share them, and a hard volume is hard for all. The mean is that of
    groups, each counting the same.

    Parameters
    ----------
    scores : (runs, volumes) array
    draws, seed : int
        How many means are drawn, and of which random numbers.
    groups : sequence of str, optional
        Group of each volume; otherwise each is a group of its own.

    Returns
    -------
    (low, high)
        95 % of the drawn means lie between. With few runs they lie closer together than they should
        (docs/comparing.md says how much).
    """
    rng = np.random.default_rng(seed)
    codes = np.arange(scores.shape[1]) if groups is None else _codes(groups)
    number = int(codes.max()) + 1
    runs, drawn = (rng.multinomial(size, np.full(size, 1 / size), draws) for size in (len(scores), number))
    weights = np.empty((draws, len(codes)))
    for group in range(number):
        within = np.flatnonzero(codes == group)
        # A group that is drawn twice is drawn with other volumes each time.
        counts = rng.multinomial(drawn[:, group] * len(within), np.full(len(within), 1 / len(within)))
        weights[:, within] = counts / (len(within) * number)
    means = ((runs / len(scores) @ scores) * weights).sum(axis=1)
    low, high = np.quantile(means, [ALPHA / 2, 1 - ALPHA / 2])
    return float(low), float(high)


def difference_in_parts(baseline: Floats, other: Floats) -> Parts:
    """Compare the means of two groups of runs on the same volumes: (..., runs, volumes) arrays, two at least of each.

    Groups of the same size are pooled: trainings of both are taken to vary alike, and where they do not it makes
    little difference. That is not so for groups of different size, where the smaller one may vary more.
    """
    # Of the mean of each group.
    runs = tuple(each.mean(axis=-1).var(axis=-1, ddof=1) / each.shape[-2] for each in (baseline, other))
    runs_df: tuple[int, ...] = tuple(each.shape[-2] - 1 for each in (baseline, other))
    if len(set(runs_df)) == 1:
        runs, runs_df = (runs[0] + runs[1],), (sum(runs_df),)
    per_volume = other.mean(axis=-2) - baseline.mean(axis=-2)
    number = per_volume.shape[-1]
    return Parts(per_volume.mean(axis=-1), runs, per_volume.var(axis=-1, ddof=1) / number, runs_df, number - 1)


def half_width(parts: Parts, alpha: float = ALPHA) -> NDArray[np.float64]:
    """Half the width of the interval of a difference.

    Each part of the variance is multiplied by the square of its own quantile of the t distribution. A difference that
    is none exceeds the square root of the sum with a probability of at most `alpha`, whatever the true parts are
    (Banerjee 1960): the distribution function of a squared normal variable is concave, so that the probability to stay
    within is at least the mean, weighted by the true parts, of what each part alone would give, and that is 1 - alpha.
    """
    quantiles = t.isf(alpha / 2, [*parts.runs_df, parts.volumes_df])
    width: NDArray[np.float64] = np.sqrt(np.stack([*parts.runs, parts.volumes], axis=-1) @ quantiles**2)
    return width


def compare_means(baseline: Floats, other: Floats) -> Test:
    """Test whether the means of two groups of runs differ: (runs, volumes) arrays of the same volumes in order."""
    if min(*baseline.shape, *other.shape) < 2:
        return Test(float(other.mean() - baseline.mean()))
    parts = difference_in_parts(baseline, other)
    difference, width = float(parts.difference), float(half_width(parts))
    # Sums of equal numbers in different order differ in the last digits.
    if width < 1e-9:
        return Test(difference)

    def beyond(log_p: float) -> float:
        return float(half_width(parts, np.exp(log_p))) - abs(difference)

    smallest = float(np.log(SMALLEST_P))
    p = float(np.exp(brentq(beyond, smallest, 0))) if beyond(smallest) > 0 else SMALLEST_P
    return Test(difference, difference - width, difference + width, p)


def sign_flip(differences: Floats, seed: int = 0) -> float:
    """P value that the mean of independent differences is 0, by exchanging their signs: no distribution is assumed.

    Given the trainings, the two models are exchangeable on every unit where they do not differ. All combinations of
    signs are tried, or `DRAWS` of them drawn if there are more.

    Parameters
    ----------
    differences : (units,) array
        Between two models, of volumes or of means of groups.
    seed : int
        Of the draw.
    """
    number = len(differences)
    is_exact = 2**number <= DRAWS
    if is_exact:
        signs = 1 - 2 * (np.arange(2**number)[:, None] >> np.arange(number) & 1)
    else:
        signs = np.random.default_rng(seed).choice([-1, 1], (DRAWS, number))
    # Sums of equal numbers in different order differ in the last digits.
    extreme = np.abs(signs @ differences) >= abs(differences.sum()) * (1 - 1e-9) - 1e-12
    return float(extreme.mean()) if is_exact else float((extreme.sum() + 1) / (DRAWS + 1))


def holm(values: Sequence[float]) -> list[float]:
    """Correct p values for their number, so that the chance of any wrong one below 0.05 is 0.05 (Holm 1979)."""
    order = np.argsort(values, kind="stable")
    corrected = np.empty(len(values))
    steps = np.arange(len(values), 0, -1) * np.asarray(values, np.float64)[order]
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected.tolist()
