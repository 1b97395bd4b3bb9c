"""Morphology of seeds; neighbours are the six (in an image four) that share a face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.segmentation.arrays import SIX_NEIGHBOURS, Mask
from auxcpvloss.segmentation.runs import Runs, find_runs, intersect, number_components
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")


def close(seeds: Runs, steps: int) -> Runs:
    """Dilate seeds by so many steps, then erode them by as many: this fills gaps and joins what is near."""
    if not steps:
        return seeds
    wide = ndimage.binary_dilation(_mask(seeds), SIX_NEIGHBOURS, steps)
    return _runs(_eroded(wide, steps))


def erode(seeds: Runs, steps: int) -> Runs:
    """Take away the outermost voxels, so many times. The end of the volume takes nothing away."""
    return _runs(_eroded(_mask(seeds), steps)) if steps else seeds


def drop_small(seeds: Runs, size: int) -> Runs:
    """Keep the connected components of at least so many voxels."""
    numbers, _ = number_components(seeds)
    return _chosen(seeds, np.bincount(numbers, seeds.lengths)[numbers] >= size)


def grow_below(seeds: Runs, foreground: Runs, surface: NDArray[np.float32], height: float) -> Runs:
    """Add to seeds what water reaches from them that is to rise to a height, so that seeds below it become one.

    Parameters
    ----------
    seeds, foreground : Runs
        Water does not leave the foreground, in which all seeds are.
    surface : (Z, Y, X) array of float32
        Flooded from low to high.
    height : float
        Up to which, and no farther, water rises.
    """
    voxels, flooded = foreground.voxels, _mask(seeds)
    flooded.reshape(-1)[voxels[surface.reshape(-1)[voxels] <= height]] = True
    pools = _runs(flooded)
    numbers, _ = number_components(pools)
    _, within = intersect(seeds, pools)
    return _chosen(pools, np.isin(numbers, numbers[within]))


def _eroded(mask: Mask, steps: int) -> Mask:
    return np.asarray(ndimage.binary_erosion(mask, SIX_NEIGHBOURS, steps, border_value=1))


def _mask(runs: Runs) -> Mask:
    mask = np.zeros(runs.shape, bool)
    mask.reshape(-1)[runs.voxels] = True
    return mask


def _runs(mask: Mask) -> Runs:
    return find_runs(np.flatnonzero(mask), mask.shape)


def _chosen(runs: Runs, where: Mask) -> Runs:
    return Runs(runs.shape, runs.starts[where], runs.stops[where])
