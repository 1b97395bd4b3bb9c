"""Why center points may not be where the nuclei are: axes in another order, or lengths instead of voxels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.points import are_inside, voxels_of
from auxcpvloss.data.voxel_sizes import sides

FEWEST = 5
"""Fewer points are not read otherwise."""
BETTER, BETTER_IF_BRIGHT, BRIGHT = 0.2, 0.1, 0.9
"""How much more of the image must be darker than the points for another reading to fit better; less will do if the
points are then brighter than `BRIGHT` of the image, which is not by chance."""
SAMPLE = 100_000
"""Voxels that stand for all of an image."""

Points = NDArray[Any]
Fit = Callable[[Points], float]


def why_outside(points: Points, raw: NDArray[Any], voxel_size: Sequence[float]) -> str:
    """Say what puts all points inside the image, some of which are outside; "" where nothing does."""
    fit = _brightness(raw)
    fitting = [
        (fit(places), reason) for reason, places in _readings(points, voxel_size) if are_inside(places, raw.shape).all()
    ]
    return max(fitting, default=(0, ""))[1]


def why_dark(points: Points, raw: NDArray[Any], voxel_size: Sequence[float]) -> list[str]:
    """Warn of points that lie where the image is dark, or all in a corner."""
    if len(points) < FEWEST:
        return []
    brightness = _brightness(raw)
    reason, fit = _best(points, voxel_size, brightness)
    own = brightness(points)
    if fit >= own + (BETTER_IF_BRIGHT if fit >= BRIGHT else BETTER):
        return [
            f"at the points the image is brighter than {own:.0%} of its voxels, but {fit:.0%} {reason}; expected "
            "z, y, x in voxels"
        ]
    far = points[:, :3].max(axis=0)
    long = np.array(raw.shape) > 1
    if (far < np.array(raw.shape) / 2)[long].all():
        shown = " ".join(f"{value:g}" for value in far)
        return [f"all points lie in the corner up to {shown} (z y x); expected voxels, not lengths"]
    return []


def why_beside(centers: Points, labels: NDArray[Any], voxel_size: Sequence[float]) -> list[str]:
    """Warn if most centers, with the number of their label, lie on it only when they are read otherwise."""
    if len(centers) < FEWEST:
        return []

    def hits(places: Points) -> float:
        inside = are_inside(places, labels.shape)
        return float(
            (labels[tuple(voxels_of(places[inside], labels.shape).T)] == places[inside, 3]).sum() / len(places)
        )

    reason, fit = _best(centers, voxel_size, hits)
    own = hits(centers)
    if own < 0.5 and fit >= own + 2 * BETTER:
        return [
            f"{own:.0%} of the annotated centers lie on their label, but {fit:.0%} {reason}; expected z, y, x in voxels"
        ]
    return []


def _brightness(raw: NDArray[Any]) -> Fit:
    """Make a measure of how much of the image is darker than the points; outside of it, they count as dark."""
    ordered = np.sort(raw.ravel()[:: max(1, raw.size // SAMPLE)])

    def brightness(places: Points) -> float:
        found = raw[tuple(voxels_of(places[are_inside(places, raw.shape)], raw.shape).T)]
        return float(np.searchsorted(ordered, found).sum() / len(ordered) / len(places))

    return brightness


def _best(points: Points, voxel_size: Sequence[float], fit: Fit) -> tuple[str, float]:
    readings = _readings(points, voxel_size)
    scores = [fit(places) for _, places in readings]
    best = int(np.argmax(scores))
    return readings[best][0], scores[best]


def _readings(points: Points, voxel_size: Sequence[float]) -> list[tuple[str, Points]]:
    """Give the points as they would be read otherwise."""
    orders = [
        ("if x and y are exchanged", points[:, [0, 2, 1, 3]]),
        ("if the columns are x, y, z", points[:, [2, 1, 0, 3]]),
    ]
    if all(size == 1 for size in voxel_size):
        return orders
    scale = np.array([*voxel_size, 1.0])
    size = sides(voxel_size)
    return [
        *orders,
        (f"if they are lengths, of voxels of {size}", points / scale),
        (f"if they are lengths along x, y, z, of voxels of {size} (z, y, x)", points[:, [2, 1, 0, 3]] / scale),
    ]
