"""Nuclei of no organism in particular: where they lie, how large they are, and what shape they have.

Lengths are in voxels of a grid on which the median nucleus is about `DIAMETER` voxels wide; vectors are (z, y, x).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.synthetic.placement import Floats, apart
from auxcpvloss.system.lazy import lazily

spatial = lazily("scipy.spatial")

DIAMETER = 12.0
"""Of a sphere of the volume of the median nucleus."""
SPREAD = 1.4
"""The median of a volume is larger or smaller by at most this factor."""
RELAXATIONS = 40
CROWDED = 0.72
"""Of two centers at least, in terms of the sum of the radii."""
WAVES = 5
"""Of which the surface of a nucleus is made."""
MITOTIC = 1.5
"""Brightness of condensed chromatin."""


@dataclass(frozen=True)
class Cells:
    """Deformed ellipsoids, N of them.

    Attributes
    ----------
    centers, half_axes : (N, 3) arrays
    rotations : (N, 3, 3) array
    bend : (N,) array
        By how much the ends of the longest axis are bent aside, in terms of the shortest half-axis.
    waves : (N, WAVES, 4) array
        Of the surface, over its unit sphere: frequency (three numbers) and phase.
    roughness, brightness : (N,) arrays
    """

    centers: Floats
    half_axes: Floats
    rotations: Floats
    bend: Floats
    waves: Floats
    roughness: Floats
    brightness: Floats

    def of(self, which: NDArray[np.bool_] | NDArray[np.integer]) -> Cells:
        """Give some of them."""
        return Cells(**{name: value[which] for name, value in vars(self).items()})


def grow(rng: np.random.Generator, shape: Floats, most: int) -> Cells:
    """Draw an arrangement, and nuclei for it, in a space of a shape; some are cut by its border.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (3,) array
    most : int
        Largest number of nuclei.
    """
    for_places, for_shapes = rng.spawn(2)
    radius = DIAMETER / 2 * SPREAD ** for_shapes.uniform(-1, 1)
    arrange = ARRANGEMENTS[for_places.integers(len(ARRANGEMENTS))]
    centers, normals, flatness = arrange(for_places, shape, radius)
    kept = for_places.permutation(len(centers))[:most]
    cells = _shapes(for_shapes, centers[kept], normals[kept], flatness, radius)
    spacing = for_places.uniform(0.8, 1.1)
    for _ in range(RELAXATIONS):
        cells = replace(cells, centers=apart(cells.centers, cells.half_axes, spacing, cells.rotations))
    return _divide(for_shapes, cells.of(~_is_buried(cells)))


def _is_buried(cells: Cells) -> NDArray[np.bool_]:
    """Say which nuclei still lie within others: of each such pair the second one."""
    radius = np.cbrt(cells.half_axes.prod(axis=1))
    pairs = spatial.cKDTree(cells.centers).query_pairs(2 * CROWDED * radius.max(), output_type="ndarray")
    gap = np.linalg.norm(cells.centers[pairs[:, 0]] - cells.centers[pairs[:, 1]], axis=1)
    found = np.zeros(len(radius), bool)
    found[pairs[gap < CROWDED * (radius[pairs[:, 0]] + radius[pairs[:, 1]]), 1]] = True
    return found


def _shapes(rng: np.random.Generator, centers: Floats, normals: Floats, flatness: float, radius: float) -> Cells:
    """Draw the shapes of nuclei, which are alike within a volume; some are condensed, some are small and round."""
    count = len(centers)
    size = radius * np.exp(np.clip(rng.normal(0, rng.uniform(0.04, 0.25), count), -0.5, 0.5))
    stretch = np.exp(rng.normal(0, rng.uniform(0.03, 0.22), (count, 3)))
    stretch[:, 0] *= flatness
    kind = rng.random(count)
    is_plate, is_small = kind < rng.uniform(-0.03, 0.08), kind > 1 - rng.uniform(-0.05, 0.06)
    stretch[is_plate, 0] *= rng.uniform(0.35, 0.6, np.count_nonzero(is_plate))
    stretch /= np.cbrt(stretch.prod(axis=1, keepdims=True))
    size *= np.where(is_plate, 0.8, np.where(is_small, rng.uniform(0.3, 0.55, count), 1))
    waves = np.concatenate([rng.normal(0, 1.8, (count, WAVES, 3)), rng.uniform(0, 2 * np.pi, (count, WAVES, 1))], -1)
    brightness = np.exp(np.clip(rng.normal(0, rng.uniform(0.08, 0.7), count), -1.8, 1))
    return Cells(
        centers=centers,
        half_axes=size[:, None] * stretch,
        rotations=_turned(rng, normals, is_plate | is_small),
        bend=rng.normal(0, rng.uniform(0, 0.5), count) * ~is_small,
        waves=waves,
        roughness=np.where(is_plate, 0.16, rng.uniform(0.02, 0.14)) * ~is_small,
        brightness=brightness * np.where(is_plate, MITOTIC, 1),
    )


def _turned(rng: np.random.Generator, normals: Floats, is_free: NDArray[np.bool_]) -> Floats:
    """Turn the first half-axis to the normal, about; that of nuclei that are free, or have no normal, anywhere."""
    count = len(normals)
    anywhere = spatial.transform.Rotation.random(count, rng).as_matrix()
    first = np.where((np.linalg.norm(normals, axis=1) == 0) | is_free, 0, 1)[:, None] * normals
    first = first + rng.normal(0, 0.15, (count, 3))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(first, anywhere[:, :, 1])
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def _divide(rng: np.random.Generator, cells: Cells) -> Cells:
    """Divide some condensed nuclei: two plates side by side."""
    flat = cells.half_axes[:, 0] < 0.55 * cells.half_axes[:, 1:].min(axis=1)
    pairs = np.flatnonzero(flat & (rng.random(len(flat)) < 0.4))
    twice = cells.of(np.concatenate([np.arange(len(flat)), pairs]))
    gap = cells.rotations[pairs, :, 0] * (rng.uniform(1.3, 2.5, len(pairs)) * cells.half_axes[pairs, 0])[:, None]
    twice.centers[pairs] -= gap
    twice.centers[len(flat) :] += gap
    return twice


Arrangement = Callable[[np.random.Generator, Floats, float], tuple[Floats, Floats, float]]
"""Of (rng, shape, radius): centers, normals (0 where there is none), and how long nuclei are along the normal."""


def _many(rng: np.random.Generator, space: float, radius: float, least: float, most: float) -> int:
    """Draw a number of nuclei that fill a part of a space between `least` and `most`."""
    part = np.exp(rng.uniform(np.log(least), np.log(most)))
    return max(2, round(part * space / (4 / 3 * np.pi * radius**3)))


def _anywhere(rng: np.random.Generator, shape: Floats, radius: float, least: float, most: float) -> Floats:
    # Some are cut by the border.
    count = _many(rng, (shape + radius).prod(), radius, least, most)
    return rng.uniform(-radius / 2, shape + radius / 2, (count, 3))


def _scattered(rng: np.random.Generator, shape: Floats, radius: float) -> tuple[Floats, Floats, float]:
    centers = _anywhere(rng, shape, radius, 0.01, 0.12)
    return centers, np.zeros_like(centers), rng.uniform(0.6, 1.6)


def _packed(rng: np.random.Generator, shape: Floats, radius: float) -> tuple[Floats, Floats, float]:
    centers = _anywhere(rng, shape, radius, 0.15, 0.5)
    normals = np.zeros_like(centers) + (rng.random() < 0.4) * rng.normal(0, 1, 3)
    return centers, normals, rng.uniform(0.6, 1.6)


def _clustered(rng: np.random.Generator, shape: Floats, radius: float) -> tuple[Floats, Floats, float]:
    count = _many(rng, shape.prod(), radius, 0.03, 0.2)
    middles = rng.uniform(0.15 * shape, 0.85 * shape, (rng.integers(1, 6), 3))
    width = radius * rng.uniform(1.5, 3.5) * np.cbrt(count / len(middles)) / 2
    centers = middles[rng.integers(0, len(middles), count)] + rng.normal(0, width, (count, 3))
    return centers, np.zeros_like(centers), rng.uniform(0.7, 1.4)


def _sphere(rng: np.random.Generator, shape: Floats, radius: float) -> tuple[Floats, Floats, float]:
    """Cover a hollow sphere, and fill a part of it with an inner mass."""
    half_axes = np.minimum(shape * rng.uniform(0.38, 0.55, 3), shape.min() * rng.uniform(0.4, 0.8))
    middle = shape / 2 + rng.normal(0, 0.06, 3) * shape
    count = max(4, round(rng.uniform(0.15, 0.8) * 4 * (half_axes.mean() / radius) ** 2))
    normals = rng.normal(0, 1, (count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    pole = rng.normal(0, 1, 3)
    inside = _many(rng, half_axes.prod(), radius, 0.02, 0.3)
    inner = 0.45 * half_axes * pole / np.linalg.norm(pole) + rng.normal(0, 0.2, (inside, 3)) * half_axes
    centers = middle + np.concatenate([normals * half_axes, inner])
    return centers, np.concatenate([normals, np.zeros_like(inner)]), rng.uniform(0.35, 1.1)


def _sheets(rng: np.random.Generator, shape: Floats, radius: float) -> tuple[Floats, Floats, float]:
    """Lay waving sheets, one beside the other, of nuclei that lie in them or stand on them."""
    flatness, layers = rng.uniform(0.5, 1.7), int(rng.integers(1, 4))
    area = shape.max() ** 2
    count = layers * max(3, round(rng.uniform(0.15, 0.8) * area / (np.pi * radius**2)))
    flat = rng.uniform(-0.5, 0.5, (count, 2)) * shape.max() * 1.3
    along, phase = rng.normal(0, 0.03, (2, 2)), rng.uniform(0, 2 * np.pi, 2)
    height = (rng.uniform(0, 1.5, 2) * radius * np.sin(flat @ along * 2 + phase)).sum(axis=1)
    height += (rng.integers(0, layers, count) - layers / 2) * radius * rng.uniform(2, 6)
    turn = spatial.transform.Rotation.random(1, rng).as_matrix()[0]
    if rng.random() < 0.5:
        turn = np.eye(3)[rng.permutation(3)]
    centers = np.column_stack([height, flat]) @ turn.T + shape / 2
    return centers, np.tile(turn[:, 0], (count, 1)), flatness


ARRANGEMENTS: tuple[Arrangement, ...] = (_scattered, _packed, _clustered, _sphere, _sheets)
