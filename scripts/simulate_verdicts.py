"""How often `auxcpvloss compare` says "better" or "worse", on scores that are drawn at random.

Scores are those of two methods, several runs of each, on the same volumes: a volume is hard for both (its deviation
is the same), a method may find some volumes harder than the other does, a run is good or bad on all volumes, and the
rest is chance. The standard deviations are varied, the first three of them in every combination::

    python scripts/simulate_verdicts.py [--repeats 20000] [--seed 0]

Prints for each design of runs x volumes how often the verdict is "better" and "worse" where there is no difference,
and "better" where the true difference is 0.03; the worst case of all combinations first, then single cases. At last how
often the bootstrap interval of a mean, which the verdict does not use, holds the true mean.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from auxcpvloss.compare.statistics import bootstrap_interval, difference_in_parts, half_width

Draw = Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]
DESIGNS = ((3, 7), (3, 3), (3, 2), (2, 7), (5, 7))
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
    """

    run: float
    interaction: float
    residual: float
    volume: float = 0.05
    unequal: float = 1.0
    draw: Draw = np.random.Generator.standard_normal


def draw_scores(
    spread: Spread, runs: int, volumes: int, difference: float, repeats: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the scores of baseline and other: (repeats, runs, volumes) arrays."""

    def method(run: float) -> NDArray[np.float64]:
        return (
            run * spread.draw(rng, (repeats, runs, 1))
            + spread.interaction * spread.draw(rng, (repeats, 1, volumes))
            + spread.residual * spread.draw(rng, (repeats, runs, volumes))
        )

    volume = 0.7 + spread.volume * spread.draw(rng, (repeats, 1, volumes))
    return volume + method(spread.run), volume + method(spread.run * spread.unequal) + difference


def verdict_rates(
    spread: Spread, runs: int, volumes: int, difference: float, repeats: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Give how often the other one is found better, and worse."""
    parts = difference_in_parts(*draw_scores(spread, runs, volumes, difference, repeats, rng))
    width = half_width(parts)
    return float((parts.difference > width).mean()), float((parts.difference < -width).mean())


def coverage(spread: Spread, runs: int, volumes: int, repeats: int, rng: np.random.Generator) -> float:
    """Give how often the bootstrap interval of a mean holds the true one."""
    scores, _ = draw_scores(spread, runs, volumes, 0, repeats, rng)
    intervals = [bootstrap_interval(each, draws=1000, seed=number) for number, each in enumerate(scores)]
    return float(np.mean([low <= 0.7 <= high for low, high in intervals]))


def main() -> None:
    """Print the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    grid = [Spread(*each) for each in product(RUN, INTERACTION, RESIDUAL)]
    kinds: dict[str, Callable[[Spread], Spread]] = {
        "normal": lambda spread: spread,
        "runs of one method differ 4 times as much": lambda spread: replace(spread, unequal=4.0),
        "heavy tails": lambda spread: replace(spread, draw=heavy_tails),
    }
    print(f"No true difference: highest rates of {len(grid)} combinations of standard deviations, {args.repeats} each")
    print(f"{'runs x volumes':<16}{'deviations':<44}{'better':>8}{'worse':>8}")
    for runs, volumes in DESIGNS:
        for kind, change in kinds.items():
            rates = [verdict_rates(change(spread), runs, volumes, 0, args.repeats, rng) for spread in grid]
            better, worse = np.max(rates, axis=0)
            print(f"{runs} x {volumes:<12}{kind:<44}{better:8.3f}{worse:8.3f}")
    print(f"\nNo difference, and a true difference of {DIFFERENCE}: how often the verdict is better")
    print(f"{'runs x volumes':<16}{'run':>7}{'method x volume':>17}{'run x volume':>14}{'none':>8}{DIFFERENCE:>8}")
    for runs, volumes in DESIGNS:
        for spread in (
            Spread(0.005, 0.005, 0.005),
            Spread(0.01, 0.005, 0.005),
            Spread(0.01, 0.01, 0.01),
            Spread(0.02, 0.02, 0.02),
        ):
            none, there = (verdict_rates(spread, runs, volumes, each, args.repeats, rng)[0] for each in (0, DIFFERENCE))
            deviations = f"{spread.run:>7}{spread.interaction:>17}{spread.residual:>14}"
            print(f"{runs} x {volumes:<12}{deviations}{none:8.3f}{there:8.3f}")
    print(
        "\nHow often the bootstrap interval of a mean, said to be of 95 %, holds the true mean (run 0.01, volume 0.05)"
    )
    for runs, volumes in DESIGNS:
        print(f"{runs} x {volumes:<12}{coverage(Spread(0.01, 0.01, 0.01), runs, volumes, 1000, rng):.3f}")


if __name__ == "__main__":
    main()
