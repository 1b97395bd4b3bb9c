"""How intensities are mapped to 0..1."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from auxcpvloss.configure import recipe
from auxcpvloss.configure.decision import Decision
from auxcpvloss.configure.facts import Brightness, Facts


def intensities(facts: Facts) -> Iterator[Decision]:
    """Decide which percentile becomes 1, and whether dim voxels are emphasised.

    With few or bright outliers the default percentile leaves the median nucleus near the background: a lower one is
    taken, as far as it does not clip too much of the nuclei, and the cube root where that does not suffice.
    """
    if not facts.brightness:
        return
    choice, contrast = _upper(facts.brightness)
    before, percentile = _contrast(facts.brightness, 0), recipe.UPPER[choice]
    if choice == 0 and contrast >= recipe.CONTRAST:
        return
    told = f"the median nucleus is only {before:.2f} above the background on the scale of 0 to 1"
    if choice:
        yield Decision("preprocessing.upper_percentile", percentile, f"{told}; this makes it {contrast:.2f}")
    if contrast < recipe.CONTRAST:
        yield Decision("preprocessing.cuberoot", True, f"emphasises dim voxels: {told if not choice else 'still dim'}")


def _upper(found: tuple[Brightness, ...]) -> tuple[int, float]:
    """Give the first percentile with enough contrast, or the last one that does not clip too much, and its contrast."""
    foreground = float(np.median([each.foreground for each in found]))
    least = 100 - 100 * recipe.CLIPPED * foreground
    allowed = [0, *(number for number, percentile in enumerate(recipe.UPPER) if number and percentile >= least)]
    for choice in allowed:
        if (contrast := _contrast(found, choice)) >= recipe.CONTRAST:
            break
    return choice, contrast


def _contrast(found: tuple[Brightness, ...], choice: int) -> float:
    """Give the contrast that three quarters of the volumes have."""
    return float(np.quantile([each.contrast(choice) for each in found], 0.25))
