"""Scores of 100,000 instances.

Against 100,000 others in a volume of 512 x 512 x 512 voxels. Both volumes (uint32, 0.5 GiB each) hold one ellipsoid per
cell of a grid, with random positions, axes and ids; the predicted ellipsoids are the true ones, moved and resized at
random. There is no reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bench.measure import Call, Figures, Options, Row, figure, stopwatch, turns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DURATION = "5 minutes"
SIDE, GRID = 512, (40, 50, 50)
QUICK_SIDE, QUICK_GRID = 128, (10, 12, 12)


def ellipsoids(
    side: int, centers: NDArray[np.float64], radii: NDArray[np.float64], ids: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """Draw (N, 3) ellipsoids into a volume, later ones over earlier ones."""
    import numpy as np

    volume = np.zeros((side,) * 3, np.uint32)
    for center, radius, label in zip(centers, radii, ids, strict=True):
        low = np.maximum(np.ceil(center - radius), 0).astype(int)
        high = np.minimum(np.floor(center + radius) + 1, side).astype(int)
        z, y, x = np.ogrid[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        inside = sum(((axis - c) / r) ** 2 for axis, c, r in zip((z, y, x), center, radius, strict=True)) <= 1
        volume[tuple(slice(a, b) for a, b in zip(low, high, strict=True))][inside] = label
    return volume


def volumes(side: int, grid: Sequence[int]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Make the ground truth and the prediction."""
    import numpy as np

    rng = np.random.default_rng(0)
    cell = side / np.array(grid)
    number = int(np.prod(grid))
    centers = (np.argwhere(np.ones(grid, bool)) + 0.5) * cell + rng.uniform(-0.1, 0.1, (number, 3)) * cell
    radii = rng.uniform(0.35, 0.5, (number, 3)) * cell
    ids = rng.permutation(np.arange(1, 2 * number, dtype=np.uint32))
    truth = ellipsoids(side, centers, radii, ids[:number])
    centers += rng.normal(0, 0.08, (number, 3)) * cell
    radii *= rng.uniform(0.8, 1.2, (number, 3))
    return truth, ellipsoids(side, centers, radii, rng.permutation(ids[:number]))


def ours(side: int, grid: Sequence[int]) -> Figures:
    """Score the outlines with all metrics that are computed by default."""
    from auxcpvloss import metrics

    truth, predicted = volumes(side, grid)
    with stopwatch() as figures:
        metrics.score(truth, predicted)
    return {**figures, "bytes": (figures["peak_bytes"] - figures["bytes_before"]) / truth.size}


def measure(options: Options) -> Iterator[Row]:
    """Measure time, and memory above the inputs."""
    side, grid = (QUICK_SIDE, QUICK_GRID) if options.quick else (SIDE, GRID)
    (measured,) = turns([Call(ours, {"side": side, "grid": grid})], options)
    yield figure("many_instances.seconds", "score all instances", measured.values("seconds"), "s")
    yield figure(
        "many_instances.bytes", "memory above the inputs", measured.values("bytes"), "bytes a voxel", at_most=4
    )
