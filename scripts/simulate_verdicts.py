"""How often `auxcpvloss compare` says "better" or "worse", on scores that are drawn at random.

Scores are those of two methods, several runs of each, on the same volumes: a volume is hard for both (its deviation
is the same), a method may find some volumes harder than the other does, a run is good or bad on all volumes, and the
rest is chance. The standard deviations are varied, the first three of them in every combination::

    python scripts/simulate_verdicts.py [--repeats 20000] [--seed 0] [--groups]

Volumes may come in groups, such as the times of one embryo, in each of which a method does better or worse than it
usually does: with ``--groups`` only how often a test of such volumes, and one of the groups, is wrong.

Prints for each design of runs x volumes how often the verdict is "better" and "worse" where there is no difference, in
the worst of all combinations; how often other tests would be wrong; how often it is "better" where the true difference
is 0.03; and how often the bootstrap interval of a mean, which the verdict does not use, holds the true mean.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

sys.path.insert(0, str(Path(__file__).parents[1]))

from auxcpvloss.looking.compare.statistics import (
    ALPHA,
    bootstrap_interval,
    difference_in_parts,
    half_width,
    means_of_groups,
)

Draw = Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]
DESIGNS = ((3, 7), (3, 3), (3, 2), (2, 7), (5, 7))
UNEQUAL = ((3, 2), (5, 2), (8, 2), (5, 3))
RUN, INTERACTION, RESIDUAL = (0.005, 0.01, 0.02), (0.0, 0.005, 0.01, 0.02), (0.005, 0.01, 0.02)
DIFFERENCE = 0.03


def heavy_tails(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw from Student's t with 3 degrees of freedom, scaled to a variance of 1."""
    return rng.standard_t(3, shape) / np.sqrt(3)


@dataclass(frozen=True)
class Spread:
    """Standard deviations of scores.

    Attributes
    ----------
    run, interaction, residual : float
        Between runs, of method x volume, of run x volume.
    volume : float
        Between volumes.
    unequal : float
        How much more the runs of the second method differ.
    draw : callable
        Draws of variance 1.
    group, group_interaction : float
        Between groups of volumes, of method x group.
    size : int
        Volumes of each group.
    """

    run: float
    interaction: float
    residual: float
    volume: float = 0.05
    unequal: float = 1.0
    draw: Draw = np.random.Generator.standard_normal
    group: float = 0.0
    group_interaction: float = 0.0
    size: int = 1


def draw_scores(
    spread: Spread,
    runs: int,
    volumes: int,
    difference: float,
    repeats: int,
    rng: np.random.Generator,
    others: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the scores of baseline and other, (repeats, runs, volumes) arrays; `others`: its runs, if not as many."""

    def groups(deviation: float) -> NDArray[np.float64] | float:
        if not deviation:
            return 0.0
        return np.repeat(deviation * spread.draw(rng, (repeats, 1, volumes // spread.size)), spread.size, axis=-1)

    def method(run: float, runs: int) -> NDArray[np.float64]:
        return (
            run * spread.draw(rng, (repeats, runs, 1))
            + spread.interaction * spread.draw(rng, (repeats, 1, volumes))
            + spread.residual * spread.draw(rng, (repeats, runs, volumes))
            + groups(spread.group_interaction)
        )

    volume = 0.7 + spread.volume * spread.draw(rng, (repeats, 1, volumes)) + groups(spread.group)
    return volume + method(spread.run, runs), volume + method(spread.run * spread.unequal, others or runs) + difference


def verdict_rates(
    spread: Spread,
    runs: int,
    volumes: int,
    difference: float,
    repeats: int,
    rng: np.random.Generator,
    others: int | None = None,
) -> tuple[float, float]:
    """Give how often the other one is found better, and worse; parameters as in `draw_scores`."""
    parts = difference_in_parts(*draw_scores(spread, runs, volumes, difference, repeats, rng, others))
    width = half_width(parts)
    return float((parts.difference > width).mean()), float((parts.difference < -width).mean())


def other_ways(
    spread: Spread, runs: int, volumes: int, repeats: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Give how often other tests find a difference, in either direction, where there is none.

    Student's t test of the means of runs; the same two parts of the variance added up, with Satterthwaite's degrees of
    freedom; and whether the interval of a bootstrap of both groups, on volumes that they share, leaves 0 out.
    """
    baseline, other = draw_scores(spread, runs, volumes, 0, repeats, rng)
    parts = difference_in_parts(baseline, other)
    size = np.abs(parts.difference)
    (by_run,), (runs_df,) = parts.runs, parts.runs_df
    by_runs = size > np.sqrt(by_run) * t.isf(ALPHA / 2, runs_df)
    both = by_run + parts.volumes
    df = both**2 / (by_run**2 / runs_df + parts.volumes**2 / parts.volumes_df)
    added = size > np.sqrt(both) * t.isf(ALPHA / 2, df)
    one, two, shared = (rng.multinomial(n, np.full(n, 1 / n), 500) / n for n in (runs, runs, volumes))
    means = [
        (((two @ there) - (one @ here)) * shared).sum(axis=1)
        for here, there in zip(baseline[:2000], other, strict=False)
    ]
    low, high = np.quantile(means, [ALPHA / 2, 1 - ALPHA / 2], axis=1)
    return float(by_runs.mean()), float(added.mean()), float(((low > 0) | (high < 0)).mean())


def grouped_rates(
    spread: Spread, runs: int, groups: int, difference: float, repeats: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Give how often a difference is found, in either direction: by a test of volumes, and by one of their groups."""
    scores = draw_scores(spread, runs, groups * spread.size, difference, repeats, rng)
    names = names_of_groups(groups, spread.size)
    rates = []
    for one, other in (scores, tuple(means_of_groups(each, names) for each in scores)):
        parts = difference_in_parts(one, other)
        rates.append(float((np.abs(parts.difference) > half_width(parts)).mean()))
    return rates[0], rates[1]


def names_of_groups(groups: int, size: int) -> list[str]:
    """Name the group of each volume."""
    return [str(group) for group in range(groups) for _ in range(size)]


def coverage(
    spread: Spread,
    runs: int,
    volumes: int,
    repeats: int,
    rng: np.random.Generator,
    groups: Sequence[str] | None = None,
) -> float:
    """Give how often the bootstrap interval of a mean holds the true one."""
    scores, _ = draw_scores(spread, runs, volumes, 0, repeats, rng)
    intervals = [bootstrap_interval(each, 1000, number, groups) for number, each in enumerate(scores)]
    return float(np.mean([low <= 0.7 <= high for low, high in intervals]))


def print_errors(grid: Sequence[Spread], repeats: int, rng: np.random.Generator) -> None:
    """Print how often the verdict is wrong, in the worst case of a grid."""
    kinds: dict[str, Callable[[Spread], Spread]] = {
        "normal": lambda spread: spread,
        "runs of one method differ 4 times as much": lambda spread: replace(spread, unequal=4.0),
        "heavy tails": lambda spread: replace(spread, draw=heavy_tails),
    }
    print(f"No true difference: highest rates of {len(grid)} combinations of standard deviations, {repeats} each")
    print(f"{'runs x volumes':<16}{'deviations':<44}{'better':>8}{'worse':>8}")
    for runs, volumes in DESIGNS:
        for kind, change in kinds.items():
            rates = [verdict_rates(change(spread), runs, volumes, 0, repeats, rng) for spread in grid]
            better, worse = np.max(rates, axis=0)
            print(f"{runs} x {volumes:<12}{kind:<44}{better:8.3f}{worse:8.3f}")
    print("\nGroups of different size: highest rates of better and worse together, 7 volumes")
    print(f"{'runs':<16}{'normal':>8}{'second varies 4 times as much':>32}{'a quarter as much':>20}")
    for runs, others in UNEQUAL:
        highest = [
            np.max([sum(verdict_rates(replace(s, unequal=by), runs, 7, 0, repeats, rng, others)) for s in grid])
            for by in (1.0, 4.0, 0.25)
        ]
        print(f"{runs} and {others:<10}{highest[0]:8.3f}{highest[1]:32.3f}{highest[2]:20.3f}")
    print("\nOther ways, no true difference: highest rate of better and worse together")
    print(f"{'runs x volumes':<16}{'t test of runs':>15}{'Satterthwaite':>15}{'bootstrap':>11}")
    for runs, volumes in DESIGNS:
        highest = np.max([other_ways(spread, runs, volumes, repeats, rng) for spread in grid], axis=0)
        print(f"{runs} x {volumes:<12}{highest[0]:15.3f}{highest[1]:15.3f}{highest[2]:11.3f}")


def print_power(repeats: int, rng: np.random.Generator) -> None:
    """Print how often a difference is seen."""
    print(f"\nNo difference, and a true difference of {DIFFERENCE}: how often the verdict is better")
    print(f"{'runs x volumes':<16}{'run':>7}{'method x volume':>17}{'run x volume':>14}{'none':>8}{DIFFERENCE:>8}")
    for runs, volumes in DESIGNS:
        for deviations in ((0.005, 0.005, 0.005), (0.01, 0.005, 0.005), (0.01, 0.01, 0.01), (0.02, 0.02, 0.02)):
            spread = Spread(*deviations)
            none, there = (verdict_rates(spread, runs, volumes, each, repeats, rng)[0] for each in (0, DIFFERENCE))
            shown = f"{spread.run:>7}{spread.interaction:>17}{spread.residual:>14}"
            print(f"{runs} x {volumes:<12}{shown}{none:8.3f}{there:8.3f}")


def print_groups(repeats: int, rng: np.random.Generator) -> None:
    """Print how often tests are wrong where volumes come in groups, and how often intervals hold the true mean."""
    print(
        "Volumes in groups of 5: better and worse together without a difference, with one of 0.03; intervals that hold"
    )
    print(
        f"{'runs x groups':<15}{'method x group':>15}{'by volume':>16}{'by group':>16}{'by volume':>12}{'by group':>12}"
    )
    for runs, groups in ((3, 3), (3, 4), (3, 8), (5, 8)):
        for interaction in (0.0, 0.01, 0.02):
            spread = Spread(0.005, 0.005, 0.005, 0.02, group=0.05, group_interaction=interaction, size=5)
            none, there = (grouped_rates(spread, runs, groups, each, repeats, rng) for each in (0, DIFFERENCE))
            wrong_and_seen = [f"{wrong:9.3f}{seen:7.3f}" for wrong, seen in zip(none, there, strict=True)]
            held = [
                coverage(spread, runs, groups * 5, 1000, rng, names)
                for names in (None, names_of_groups(groups, spread.size))
            ]
            print(f"{runs} x {groups:<11}{interaction:>15}{''.join(wrong_and_seen)}{held[0]:12.3f}{held[1]:12.3f}")


def main() -> None:
    """Print the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--groups", action="store_true", help="only simulate groups of volumes")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    if args.groups:
        print_groups(args.repeats, rng)
        return
    print_errors([Spread(*each) for each in product(RUN, INTERACTION, RESIDUAL)], args.repeats, rng)
    print_power(args.repeats, rng)
    spread = Spread(0.01, 0.01, 0.01)
    print("\nHow often the bootstrap interval of a mean, said to be of 95 %, holds the true one")
    for runs, volumes in DESIGNS:
        print(f"{runs} x {volumes:<12}{coverage(spread, runs, volumes, 1000, rng):.3f}")


if __name__ == "__main__":
    main()
