"""The anatomy of a worm: a bent tube with a dense head, a sparse middle and a dense tail, and the nuclei in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.synthetic.difficulty import Difficulty
from auxcpvloss.data.synthetic.placement import Floats, apart
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lazy import lazily

spatial = lazily("scipy.spatial")

# Keys are places along the worm: 0 is the tip of the head, 1 the tip of the tail.
THICKNESS = {0: 0.35, 0.05: 0.75, 0.12: 1, 0.33: 0.95, 0.8: 0.85, 0.93: 0.6, 1: 0.2}
DENSITY = {0: 2, 0.05: 8, 0.12: 14, 0.15: 30, 0.18: 14, 0.3: 8, 0.36: 3.6, 0.79: 3.6, 0.82: 10, 0.92: 9, 1: 1.5}
BODY_RADIUS = 31.0  # the nuclei of L1 lie in 64 of the 140 planes of an axis across
MAX_BEND = 5.0
MARGIN = 2.0  # between body and border of the volume

FULL_RADIUS = 6.2  # of a nucleus: the mean in L1
MIN_RADIUS = 3.0  # the smallest mean that leaves every label 20 voxels (30 in the worst of some hundred volumes)
CROWDING = 0.25  # the part of the body that nuclei may fill
MIDDLE = (0.36, 0.79)  # of the length, where the nuclei lie in two rows
TIP = 0.01  # the part of the length that stays empty at each end
ELONGATION = 1.22  # along the worm; nuclei of L1 extend 13 voxels across it and 15 along
RELAXATIONS = 60


@dataclass(frozen=True)
class Body:
    """A tube: center and half-axes (X, 2), in z and y, of each plane along the worm; density of nuclei (X,)."""

    center: Floats
    half_axes: Floats
    density: Floats


@dataclass(frozen=True)
class Nuclei:
    """Ellipsoids: centers (N, 3), half-axes (N, 3), rotations (N, 3, 3), brightness (N,); rings have a dark center."""

    centers: Floats
    half_axes: Floats
    rotations: Floats
    brightness: Floats
    is_ring: NDArray[np.bool_]


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
            f"nuclei: {nuclei} do not fit into the shape {shape}, which has room for at most {fitting}; choose fewer "
            "nuclei or a larger shape (at least 13 voxels per axis)"
        )
    return float(radius)


def make_nuclei(rng: np.random.Generator, body: Body, labelled: int, radius: float, difficulty: Difficulty) -> Nuclei:
    """Draw the nuclei and put them into the body; those after the first `labelled` are the dim ones without label."""
    for_places, for_shapes, for_light = rng.spawn(3)
    count = labelled + labelled // 100
    length = len(body.density)
    # One place from each of `count` equal shares of the distribution: every worm is even, no two are alike.
    share = (for_places.permutation(count) + for_places.random(count)) / count
    along = np.interp(share, np.cumsum(body.density) / body.density.sum(), np.arange(length))
    is_middle = (along > MIDDLE[0] * length) & (along < MIDDLE[1] * length)

    is_ring = for_shapes.random(count) < np.where(is_middle, 0.2, 0.05)
    size = np.exp(np.clip(for_shapes.normal(0, 0.1, count), -0.25, 0.25)) * np.where(is_ring, 1.2, 1)
    size *= radius / np.cbrt(np.mean(size**3))
    stretch = np.exp(for_shapes.normal(0, 0.06, (count, 3))) * [1, 1, ELONGATION] / np.cbrt(ELONGATION)
    half_axes = size[:, None] * stretch

    brightness = np.exp(for_light.uniform(np.log(difficulty.dimmest), 0, count))
    brightness[for_light.random(count) < 0.06] = min(0.14, difficulty.dimmest)
    brightness[labelled:] = min(0.1, difficulty.dimmest)
    return Nuclei(
        centers=_places(for_places, body, along, is_middle, half_axes, difficulty.spacing),
        half_axes=half_axes,
        rotations=spatial.transform.Rotation.from_rotvec(for_shapes.normal(0, 0.25, (count, 3))).as_matrix(),
        brightness=brightness,
        is_ring=is_ring,
    )


def annotated(rng: np.random.Generator, nuclei: Nuclei, error: float) -> Nuclei:
    """Move the nuclei, and change their half-axes, by up to `error` of them: as an annotator might have seen them."""
    shifts, factors = rng.uniform(-error, error, (2, *nuclei.half_axes.shape))
    centers = nuclei.centers + (nuclei.rotations @ (shifts * nuclei.half_axes)[..., None])[..., 0]
    return replace(nuclei, centers=centers, half_axes=nuclei.half_axes * (1 + factors))


def _places(
    rng: np.random.Generator,
    body: Body,
    along: Floats,
    is_middle: NDArray[np.bool_],
    half_axes: Floats,
    spacing: float,
) -> Floats:
    """Put nuclei in two rows in the middle of the worm, else anywhere across it, then push them apart."""
    count = len(along)
    rows = rng.integers(0, 2, count) * np.pi + rng.normal(0, 0.3, count)
    angle = rng.uniform(0, 2 * np.pi) + np.where(is_middle, rows, rng.uniform(0, 2 * np.pi, count))
    distance = np.where(is_middle, rng.uniform(0.6, 1, count), np.sqrt(rng.random(count)))
    plane = np.rint(along).astype(int)
    offset = np.column_stack([distance * np.sin(angle), distance * np.cos(angle)])
    centers = np.column_stack([body.center[plane] + body.half_axes[plane] * offset, along])
    for _ in range(RELAXATIONS):
        centers = _into_body(apart(centers, half_axes, spacing), body, half_axes)
    return centers


def _into_body(centers: Floats, body: Body, half_axes: Floats) -> Floats:
    """Move back the centers of the nuclei that stick out of the body."""
    length = len(body.center)
    ends = half_axes[:, 2] + TIP * length
    along = np.clip(centers[:, 2], ends, length - 1 - ends)
    plane = np.rint(along).astype(int)
    room = np.maximum(body.half_axes[plane] - half_axes[:, :2], 0.1)
    offset = (centers[:, :2] - body.center[plane]) / room
    offset /= np.maximum(np.linalg.norm(offset, axis=1, keepdims=True), 1)
    return np.column_stack([body.center[plane] + room * offset, along])
