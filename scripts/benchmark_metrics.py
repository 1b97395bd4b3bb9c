"""Score 100,000 instances against 100,000 in a volume of 512 x 512 x 512 voxels: time, and memory above the inputs.

    python scripts/benchmark_metrics.py [--side 512] [--grid 40 50 50]

Both volumes (uint32, 0.5 GiB each) hold one ellipsoid per cell of a grid, with random positions, axes and ids; the
predicted ellipsoids are the true ones, moved and resized at random. The memory is the peak resident size of this
process (ru_maxrss, which includes all libraries) minus its resident size when both volumes exist. Exit status 1 if it
exceeds 4 bytes per voxel.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from auxcpvloss import metrics

LIMIT = 4.0
"""Bytes per voxel."""


def ellipsoids(
    side: int, centers: NDArray[np.float64], radii: NDArray[np.float64], ids: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """Draw (N, 3) ellipsoids into a volume, later ones over earlier ones."""
    volume = np.zeros((side,) * 3, np.uint32)
    for center, radius, label in zip(centers, radii, ids, strict=True):
        low = np.maximum(np.ceil(center - radius), 0).astype(int)
        high = np.minimum(np.floor(center + radius) + 1, side).astype(int)
        z, y, x = np.ogrid[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        inside = sum(((axis - c) / r) ** 2 for axis, c, r in zip((z, y, x), center, radius, strict=True)) <= 1
        volume[tuple(slice(a, b) for a, b in zip(low, high, strict=True))][inside] = label
    return volume


def volumes(side: int, grid: tuple[int, ...]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Make the ground truth and the prediction."""
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


def resident() -> int:
    """Resident size of this process, in bytes (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def timed(name: str, function: Any, *args: Any) -> Any:
    """Call a function; print the time it took and the growth of the peak resident size."""
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = function(*args)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"  {name:34} {time.perf_counter() - begin:6.1f} s, peak memory + {grown:6.0f} MiB", flush=True)
    return result


def main() -> int:
    """Make the volumes, score them, and print; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=512, help="of the volume, in voxels (512)")
    parser.add_argument("--grid", type=int, nargs=3, default=(40, 50, 50), help="instances along z, y, x (40 50 50)")
    options = parser.parse_args()
    truth, predicted = volumes(options.side, tuple(options.grid))
    before = resident()
    table = timed("table of overlaps", metrics.overlaps, truth, predicted)
    print(f"  {table.truth_ids.size} and {table.predicted_ids.size} instances, {table.iou.size} pairs that overlap")
    timed("optimal matching at IoU > 0.1", metrics.match, table, 0.1)
    timed("greedy matching at IoU > 0.1", metrics.match, table, 0.1, False)
    del table
    scores = timed("all scores", metrics.score, truth, predicted)
    print(f"  AP 0.5 {scores['confusion_matrix.th_0_5.AP']:.3f}, avAP {scores['confusion_matrix.avAP']:.3f}")
    above = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / truth.size
    print(f"  memory above the inputs: {above:.2f} bytes per voxel (at most {LIMIT:g})")
    return int(above > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
