"""Markers of a watershed that are more than the connected components of seeds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.segmentation.runs import Indices, Runs, number_components
from auxcpvloss.system.kernel import kernel


class Markers(NamedTuple):
    """Voxels to flood from, each with the number of its instance.

    Attributes
    ----------
    runs : Runs
        In the foreground.
    numbers : (N,) array of int64
        For each run; 1..n.
    """

    runs: Runs
    numbers: Indices


def at_centers(centers: NDArray[np.float64], foreground: Runs) -> Markers:
    """Make a marker of the voxel next to each center, (N, 3) z, y, x, as far as these are in the foreground."""
    voxels = np.unique(np.ravel_multi_index(np.rint(centers).astype(np.int64).T, foreground.shape))
    run = np.searchsorted(foreground.starts, voxels, side="right") - 1
    voxels = voxels[(run >= 0) & (voxels < np.append(foreground.stops, 0)[run])]
    return Markers(Runs(foreground.shape, voxels, voxels + 1), np.arange(1, len(voxels) + 1))


def greatest_pieces(foreground: Runs, numbers: Indices) -> Markers:
    """Make a marker of the greatest connected piece (6-neighbourhood) of each number; of equals the first one.

    Parameters
    ----------
    foreground : Runs
    numbers : (N,) array of int64
        For each of its voxels; 0: none.
    """
    runs, of = _split(foreground, numbers)
    pieces, count = number_components(runs, of)
    sizes, number_of = np.bincount(pieces, runs.lengths, count + 1), np.zeros(count + 1, np.int64)
    number_of[pieces] = of
    # By number, then by falling size, then in the order of the volume.
    order = np.lexsort((-sizes[1:], number_of[1:])) + 1
    _, first = np.unique(number_of[order], return_index=True)
    kept = np.isin(pieces, order[first])
    _, consecutive = np.unique(of[kept], return_inverse=True)
    return Markers(Runs(runs.shape, runs.starts[kept], runs.stops[kept]), consecutive + 1)


def _split(foreground: Runs, numbers: Indices) -> tuple[Runs, Indices]:
    """Give the runs of equal numbers but 0, and the number of each."""
    voxels = foreground.voxels
    starts, stops, of = np.empty((3, len(voxels)), np.int64)
    count = _find_alike(voxels, numbers, foreground.shape[2], starts, stops, of)
    return Runs(foreground.shape, starts[:count], stops[:count]), of[:count]


@kernel()
def _find_alike(voxels: Any, numbers: Any, width: int, starts: Any, stops: Any, of: Any) -> int:
    count = 0
    for i, voxel in enumerate(voxels):
        if numbers[i] == 0:
            continue
        if count and stops[count - 1] == voxel and voxel % width and of[count - 1] == numbers[i]:
            stops[count - 1] += 1
        else:
            starts[count], stops[count], of[count] = voxel, voxel + 1, numbers[i]
            count += 1
    return count
