"""Whether probabilities come true as often as they say, and which instances to look at first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 10
"""Bins of equal width, of probabilities, in which those are compared with what came true."""


class Bin(NamedTuple):
    """Instances of about the same probability: how many, its mean, and the fraction that was right."""

    instances: int
    probability: float
    right: float


def reliability(probability: Floats, right: NDArray[np.bool_], bins: int = BINS) -> list[Bin]:
    """Compare probabilities with what came true, in bins of equal width; those without an instance are left out."""
    which = np.minimum((probability * bins).astype(int), bins - 1)
    members = [which == number for number in range(bins)]
    return [
        Bin(int(inside.sum()), float(probability[inside].mean()), float(right[inside].mean()))
        for inside in members
        if inside.any()
    ]


def expected_calibration_error(table: Sequence[Bin]) -> float:
    """Give how far probabilities are from what came true, in the mean over instances."""
    number = sum(each.instances for each in table)
    return sum(each.instances * abs(each.probability - each.right) for each in table) / number


def expected_gain(probability: Floats, sizes: NDArray[Any]) -> Floats:
    """Give by how much AP at IoU 0.5 is expected to rise if an instance is looked at, and corrected where it is wrong.

    An instance stands for n nuclei: its size over the median size, rounded; 0 if it is less than half of that, a piece.
    Correcting a wrong one takes away a false positive, and turns the n nuclei that were missed into found ones::

        gain = (1 - p) ((TP + n) / (N - 1) - TP / N)

    with the expected numbers TP = sum of p, and N = TP + sum of (1 - p) (1 + n): true positives, false ones, and the
    nuclei that these hide. Nuclei without any instance are not known of.

    Parameters
    ----------
    probability : (N,) array
        That each instance of a volume is right.
    sizes : (N,) array
        In voxels.
    """
    if not len(probability):
        return np.empty(0)
    nuclei, wrong = np.floor(sizes / np.median(sizes) + 0.5), 1 - probability
    found = probability.sum()
    all_ = max(found + (wrong * (1 + nuclei)).sum(), 1.0)
    gain: Floats = wrong * ((found + nuclei) / max(all_ - 1, 1.0) - found / all_)
    return np.maximum(gain, 0)
