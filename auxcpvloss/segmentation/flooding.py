"""Flood a surface, voxel by voxel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.segmentation.neighbours import SIDES, is_neighbour, steps_to
from auxcpvloss.segmentation.runs import Indices, Runs
from auxcpvloss.system.kernel import kernel

WANTED = np.uint32(0xFFFFFFFF)
"""Label of voxels to flood."""

Flat = NDArray[Any]


def flood(
    labels: NDArray[np.uint32], surface: NDArray[np.float32], seeds: Runs, groups: Indices, wanted: Indices
) -> None:
    """Flood a surface from low to high from some seeds after the other, until no voxel is `WANTED`.

    The order is that of mahotas' `cwatershed`, equal heights included: a voxel takes the label of the first flooded
    neighbour (of six); of flooded voxels the lowest goes on first, of equally low ones the one that was reached first.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        Changed in place. The labels of seeds; `WANTED`, which is flooded; and others, which stay.
    surface : (Z, Y, X) array of float32
    seeds : Runs
        Those that water may run to from the same voxels in one group.
    groups : (G + 1,) array of int64
        The first run of each group, and their number.
    wanted : (G,) array of int64
        How many voxels are `WANTED` that each group reaches.
    """
    heights = surface.reshape(-1).view(np.uint32)
    _flood(labels.reshape(-1), heights, seeds.starts, seeds.stops, groups, wanted, steps_to(labels.shape))


@kernel()
def _flood(
    labels: Flat, surface: Flat, starts: Indices, stops: Indices, groups: Indices, wanted: Indices, steps: Indices
) -> None:
    keys, places = np.empty(1024, np.uint64), np.empty(1024, np.int64)
    for group in range(len(wanted)):
        size, reached, missing = 0, 0, wanted[group]
        for run in range(groups[group], groups[group + 1]):
            for voxel in range(starts[run], stops[run]):
                # Without a neighbour to flood a voxel of a seed does nothing in its turn.
                if _has_wanted(labels, voxel, steps):
                    if size == len(keys):
                        keys, places = _doubled(keys), _doubled(places)
                    _push(keys, places, size, _key(surface[voxel], reached), voxel)
                    size += 1
                    reached += 1
        while missing:
            voxel = places[0]
            size -= 1
            _pop(keys, places, size)
            for side in range(SIDES):
                if _is_wanted(labels, voxel, side, steps):
                    other = voxel + steps[side]
                    missing -= 1
                    labels[other] = labels[voxel]
                    if size == len(keys):
                        keys, places = _doubled(keys), _doubled(places)
                    _push(keys, places, size, _key(surface[other], reached), other)
                    size += 1
                    reached += 1


@kernel(inline="always")
def _has_wanted(labels: Flat, voxel: int, steps: Indices) -> bool:
    for side in range(SIDES):  # noqa: SIM110 -- a generator would not be compiled.
        if _is_wanted(labels, voxel, side, steps):
            return True
    return False


@kernel(inline="always")
def _is_wanted(labels: Flat, voxel: int, side: int, steps: Indices) -> bool:
    """Whether a voxel has a neighbour on a side that is to be flooded."""
    other = voxel + steps[side]
    return 0 <= other < len(labels) and labels[other] == WANTED and is_neighbour(voxel, side, steps, len(labels))


@kernel(inline="always")
def _key(bits: Any, reached: int) -> Any:
    """Give what heights sort by, from the bits of a float32, and then what was reached first."""
    if bits == 0x80000000:
        bits = np.uint32(0)  # -0.0 is as high as 0.0
    bits ^= np.uint32(0xFFFFFFFF) if bits >> np.uint32(31) else np.uint32(0x80000000)
    return (np.uint64(bits) << np.uint64(32)) | np.uint64(reached)


@kernel()
def _doubled(values: Flat) -> Flat:
    more = np.empty(2 * len(values), values.dtype)
    more[: len(values)] = values
    return more


@kernel(inline="always")
def _push(keys: Flat, places: Flat, size: int, key: int, place: int) -> None:
    """Add an element to a heap of `size`."""
    while size:
        parent = (size - 1) >> 1
        if keys[parent] <= key:
            break
        keys[size], places[size] = keys[parent], places[parent]
        size = parent
    keys[size], places[size] = key, place


@kernel(inline="always")
def _pop(keys: Flat, places: Flat, size: int) -> None:
    """Take the least element out of a heap; `size` remain."""
    key, place = keys[size], places[size]
    hole = 0
    while True:
        child = 2 * hole + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[hole], places[hole] = keys[child], places[child]
        hole = child
    keys[hole], places[hole] = key, place
