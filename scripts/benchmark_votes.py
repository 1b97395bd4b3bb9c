"""How long center point votes take on a volume of the size of L1, as a share of a plain loop over voxels.

The loop is measured on a part of the volume and scaled; the two take turns. Also checks that they agree.

    python scripts/benchmark_votes.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from auxcpvloss.segmentation.votes import count_votes

SHAPE = (140, 140, 1160)
PART = (20, 40, 100)


def loop(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Count votes voxel by voxel, as one would write it down."""
    _, nz, ny, nx = vectors.shape
    votes = np.zeros((nz, ny, nx), dtype=np.int64)
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                end_z = min(max(z + round(float(vectors[0, z, y, x])), 0), nz - 1)
                end_y = min(max(y + round(float(vectors[1, z, y, x])), 0), ny - 1)
                end_x = min(max(x + round(float(vectors[2, z, y, x])), 0), nx - 1)
                votes[end_z, end_y, end_x] += 1
    return votes


def main() -> None:
    """Print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    vectors = np.random.default_rng(0).normal(0, 4, (3, *SHAPE)).astype(np.float32)
    part = np.ascontiguousarray(vectors[(slice(None), *map(slice, PART))])
    scale = np.prod(SHAPE) / np.prod(PART)
    times: dict[str, list[float]] = {"vectorised": [], "loop, scaled": []}
    for _ in range(rounds):
        began = perf_counter()
        count_votes(vectors)
        times["vectorised"].append(perf_counter() - began)
        began = perf_counter()
        expected = loop(part)
        times["loop, scaled"].append((perf_counter() - began) * scale)
        np.testing.assert_array_equal(count_votes(part), expected)
    for name, seconds in times.items():
        print(f"{name:<14} {median(seconds):8.2f} s (median of {rounds}, {min(seconds):.2f} to {max(seconds):.2f})")
    share = median(times["vectorised"]) / median(times["loop, scaled"])
    print(f"share: {100 * share:.2f} % for {' x '.join(map(str, SHAPE))} voxels")


if __name__ == "__main__":
    main()
