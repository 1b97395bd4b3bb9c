"""Voxels of a volume as runs along x: little to keep and little to visit where most of a volume is background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.system.kernel import kernel

Indices = NDArray[np.int64]


class Runs(NamedTuple):
    """Runs of voxels in rows along x, in the order of the volume.

    Attributes
    ----------
    shape : tuple of int
        (Z, Y, X)
    starts, stops : (N,) arrays of int64
        Flat index of the first voxel of each run, and of the one behind its last.
    """

    shape: tuple[int, ...]
    starts: Indices
    stops: Indices

    @property
    def lengths(self) -> Indices:
        """Number of voxels of each run: (N,)."""
        return self.stops - self.starts

    @property
    def voxels(self) -> Indices:
        """Flat index of each voxel, rising."""
        lengths = self.lengths
        before = np.cumsum(lengths) - lengths
        return np.arange(lengths.sum()) + np.repeat(self.starts - before, lengths)


def find_runs(voxels: Indices, shape: tuple[int, ...]) -> Runs:
    """Give the runs of voxels whose flat indices, rising, are an (N,) array."""
    starts, stops = np.empty((2, len(voxels)), np.int64)
    count = _find(voxels, shape[2], starts, stops)
    return Runs(shape, starts[:count].copy(), stops[:count].copy())


@kernel()
def _find(voxels: Indices, width: int, starts: Indices, stops: Indices) -> int:
    count = 0
    for voxel in voxels:
        if count and stops[count - 1] == voxel and voxel % width:
            stops[count - 1] += 1
        else:
            starts[count] = voxel
            stops[count] = voxel + 1
            count += 1
    return count


def joined(parts: Sequence[Runs]) -> Runs:
    """Give the runs of parts of a volume that end where rows do, one after the other, as those of the volume."""
    starts, stops = (np.concatenate([part[i] for part in parts]) for i in (1, 2))
    return Runs(parts[0].shape, starts, stops)


def intersect(one: Runs, other: Runs) -> tuple[Runs, Indices]:
    """Give the runs that are in both, and of each the number of the run of `other` that it is in."""
    most = len(one.starts) + len(other.starts)
    starts, stops, within = np.empty((3, most), np.int64)
    count = _intersect(one.starts, one.stops, other.starts, other.stops, starts, stops, within)
    return Runs(one.shape, starts[:count], stops[:count]), within[:count]


@kernel()
def _intersect(
    starts: Indices, stops: Indices, others: Indices, other_stops: Indices, begins: Any, ends: Any, within: Any
) -> int:
    count = i = j = 0
    while i < len(starts) and j < len(others):
        begin, end = max(starts[i], others[j]), min(stops[i], other_stops[j])
        if begin < end:
            begins[count], ends[count], within[count] = begin, end, j
            count += 1
        if stops[i] < other_stops[j]:
            i += 1
        else:
            j += 1
    return count


def number_components(runs: Runs, values: Indices | None = None) -> tuple[Indices, int]:
    """Number connected components (6-neighbourhood) 1..n, in the order in which they appear in the volume.

    Parameters
    ----------
    runs : Runs
    values : (N,) array of int64, optional
        Runs are connected where these are equal. Runs that follow on each other in a row differ.

    Returns
    -------
    (N,) array of int64
        The number of the component of each run.
    int
        n
    """
    parents = np.arange(len(runs.starts))
    _, height, width = runs.shape
    alike = np.zeros(len(parents), np.int64) if values is None else values
    _join(runs.starts, runs.stops, alike, parents, width, width, height)
    _join(runs.starts, runs.stops, alike, parents, width * height, width, 0)
    return parents, _number(parents)


@kernel()
def _join(
    starts: Indices, stops: Indices, values: Indices, parents: Indices, step: int, width: int, height: int
) -> None:
    """Join each run with equal ones that lie beside it, `step` voxels before; not across planes of `height` rows."""
    j = 0
    for i in range(len(starts)):
        begin, end = starts[i] - step, stops[i] - step
        while j < i and stops[j] <= begin:
            j += 1
        if height and (starts[i] // width) % height == 0:
            continue
        k = j
        while k < i and starts[k] < end:
            if values[i] == values[k]:
                one, other = _root(parents, i), _root(parents, k)
                # The least run of a component is its root, so that roots are in the order of the volume.
                parents[max(one, other)] = min(one, other)
            k += 1


@kernel()
def _root(parents: Indices, run: int) -> int:
    while parents[run] != run:
        parents[run] = parents[parents[run]]
        run = parents[run]
    return run


@kernel()
def _number(parents: Indices) -> int:
    """Replace parents, of which none comes after its child, by the numbers of components."""
    count = 0
    for run in range(len(parents)):
        if parents[run] == run:
            count += 1
            parents[run] = count
        else:
            parents[run] = parents[parents[run]]
    return count
