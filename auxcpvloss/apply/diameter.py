"""How large the nuclei of an image are: the network tells, since it also finds nuclei of other sizes than usual."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.units import Vector
from auxcpvloss.experiment.pretrained import DIAMETER
from auxcpvloss.system.errors import InputError

GUESSES = (10.0, 20.0, 40.0, 5.0)
"""Diameters to begin with, in voxels along x: the first with which anything is found."""
RATIO = (0.75, 1.6)
"""Between these, of the diameter that is found to the guess, both are near the truth: the network finds nuclei smaller
than they are where it sees them too large, and merges neighbours where it sees them too small."""
STEPS = 5
"""How often a guess is improved at most."""
PARAMS = {"fg_thresh": 0.6, "seeds": "interior", "seed_thresh": 0.6}
"""Of post-processing with the first guess: votes of vectors would cut nuclei that look much too large into pieces.
With better guesses, seeds by the interior would merge neighbours."""
PART = 96
"""Voxels along an axis of the part of the image that is looked at, on the grid of the network."""

Segment = Callable[[NDArray[Any], Vector], NDArray[np.uint32]]
"""Of an image, and the size of its voxels in terms of those of the network."""


def estimate(image: NDArray[Any], voxel_size: Vector, first: Segment, then: Segment) -> float:
    """Estimate the diameter of the median nucleus, in voxels along x.

    The nuclei that are found with a guess tell a better one, and so on. The brightest part of the image is looked at.

    Parameters
    ----------
    image : (Z, Y, X) array
    voxel_size : (z, y, x)
        In terms of that along x.
    first, then : callable
        Segment with a first guess, by `PARAMS`, and with better ones.

    Raises
    ------
    InputError
        Nothing like a nucleus was found.
    """
    for guess in GUESSES:
        if found := _measured(image, voxel_size, first, guess):
            break
    else:
        raise InputError("diameter: cannot be estimated, since no nuclei are found; give that of the median nucleus")
    for _ in range(STEPS):
        better = _measured(image, voxel_size, then, found)
        if not better:
            return found
        guess, found = found, better
        if RATIO[0] < found / guess < RATIO[1]:
            break
    return math.sqrt(guess * found)


def _measured(image: NDArray[Any], voxel_size: Vector, segment: Segment, guess: float) -> float:
    """Segment with a guess: half of the volume of nuclei is in such of this diameter or less; 0 without any."""
    z, y, x = (size * DIAMETER / guess for size in voxel_size)
    part = brightest(image, (z, y, x))
    if part.min() == part.max():
        return 0.0
    sizes = np.sort(np.bincount(segment(part, (z, y, x)).reshape(-1))[1:])
    sizes = sizes[sizes > 0]
    if not len(sizes):
        return 0.0
    middle = sizes[np.searchsorted(np.cumsum(sizes), sizes.sum() / 2)]
    return float(np.cbrt(middle * math.prod(voxel_size) * 6 / np.pi))


def brightest(image: NDArray[Any], voxel_size: Vector) -> NDArray[Any]:
    """Cut out the brightest part of an image of at most `PART` voxels of size 1 along each axis."""
    lengths = [min(size, max(1, round(PART / step))) for size, step in zip(image.shape, voxel_size, strict=True)]
    if tuple(lengths) == image.shape:
        return image
    cut: list[slice] = []
    for axis, length in enumerate(lengths):
        others = tuple(other for other in range(3) if other != axis)
        total = np.concatenate([[0.0], np.cumsum(image.mean(axis=others, dtype=np.float64))])
        begin = int(np.argmax(total[length:] - total[:-length]))
        cut.append(slice(begin, begin + length))
    return image[tuple(cut)]
