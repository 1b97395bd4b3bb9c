"""The body of a worm: a bent tube with a dense head, a sparse middle and a dense tail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.system.errors import InputError

Floats = NDArray[np.floating]

# Keys are places along the worm: 0 is the tip of the head, 1 the tip of the tail.
THICKNESS = {0: 0.35, 0.05: 0.75, 0.12: 1, 0.33: 0.95, 0.8: 0.85, 0.93: 0.6, 1: 0.2}
DENSITY = {0: 2, 0.05: 8, 0.12: 14, 0.15: 30, 0.18: 14, 0.3: 8, 0.36: 3.6, 0.79: 3.6, 0.82: 10, 0.92: 9, 1: 1.5}
BODY_RADIUS = 31.0  # the nuclei of L1 lie in 64 of the 140 planes of an axis across
MAX_BEND = 5.0
MARGIN = 2.0  # between body and border of the volume

FULL_RADIUS = 6.2  # of a nucleus: the mean in L1
MIN_RADIUS = 3.0  # the smallest mean that leaves every label 20 voxels (30 in the worst of some hundred volumes)
CROWDING = 0.25  # the part of the body that nuclei may fill


@dataclass(frozen=True)
class Body:
    """A tube: center and half-axes (X, 2), in z and y, of each plane along the worm; density of nuclei (X,)."""

    center: Floats
    half_axes: Floats
    density: Floats


def make_body(rng: np.random.Generator, shape: tuple[int, int, int]) -> Body:
    """Bend a tube as far as the volume has room for it."""
    along = (np.arange(shape[2]) + 0.5) / shape[2]
    across = np.array(shape[:2])
    half_axes = np.minimum(BODY_RADIUS, 0.42 * across)
    bend = np.clip(across / 2 - half_axes - MARGIN, 0, MAX_BEND)
    phase = rng.uniform(0, 2 * np.pi, 2) + 2 * np.pi * np.outer(along, rng.uniform(0.5, 1.2, 2))
    return Body(
        center=(across - 1) / 2 + bend * np.sin(phase),
        half_axes=np.outer(np.interp(along, list(THICKNESS), list(THICKNESS.values())), half_axes),
        density=np.interp(along, list(DENSITY), list(DENSITY.values())),
    )


def mean_radius(shape: tuple[int, int, int], body: Body, nuclei: int) -> float:
    """Give the nuclei the size that they have in L1, or a smaller one that fits.

    Raises
    ------
    InputError
        No size that the labels can have fits; says how many nuclei would.
    """
    room = CROWDING * np.pi * body.half_axes.prod(axis=1).sum()
    thickest = min(0.6 * body.half_axes.max(axis=0).min(), shape[2] / 4)
    radius = min(FULL_RADIUS, thickest, np.cbrt(room / (nuclei * 4 / 3 * np.pi)))
    if radius < MIN_RADIUS:
        fitting = int(room / (4 / 3 * np.pi * MIN_RADIUS**3)) if thickest >= MIN_RADIUS else 0
        raise InputError(
            f"nuclei: {nuclei} do not fit into the shape {shape}, at most {fitting} do; "
            "ask for fewer or for a larger shape (13 voxels an axis at least)"
        )
    return float(radius)
