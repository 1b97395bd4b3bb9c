"""How many voxels each combination of labels has, and where: one pass over label volumes, in bounded memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SLAB = 2**20
"""Number of voxels processed at once."""


class Tabulation(NamedTuple):
    """The N combinations of labels that occur, in the order in which they first appear in the volumes.

    `labels` has an (N,) array a volume; `sums`, (1 + D, N), the number of voxels and the sums of their D coordinates.
    """

    labels: list[NDArray[Any]]
    sums: NDArray[np.int64]


def tabulate(*volumes: NDArray[Any]) -> Tabulation:
    """Tabulate which labels label volumes of the same shape have at the same voxels.

    Beside the volumes (and copies of those that are not contiguous) this needs memory for a slab of them and for the
    table. What each slab comes to is added to the table whenever it has become as much as that.
    """
    flat, shape = [volume.reshape(-1) for volume in volumes], volumes[0].shape
    parts = [Tabulation([volume[:0] for volume in flat], np.zeros((1 + len(shape), 0), np.int64))]
    for start in range(0, flat[0].size, SLAB):
        parts.append(_grouped([_runs([volume[start : start + SLAB] for volume in flat], start, shape)]))
        first, *others = (part.sums.shape[1] for part in parts)
        if sum(others) > SLAB + first:
            parts = [_grouped(parts)]
    return _grouped(parts)


def _runs(slabs: list[NDArray[Any]], start: int, shape: tuple[int, ...]) -> Tabulation:
    """Give each run of voxels of a row along which no label changes.

    Sorting some runs instead of many voxels is what makes it fast.
    """
    starts = _begins(slabs, slice(-start % shape[-1], None, shape[-1]))
    lengths = np.diff(starts, append=slabs[0].size)
    sums = np.vstack([lengths, np.array(np.unravel_index(start + starts, shape)) * lengths])
    sums[-1] += lengths * (lengths - 1) // 2
    return Tabulation([slab[starts] for slab in slabs], sums)


def _grouped(parts: list[Tabulation]) -> Tabulation:
    """Add up the rows of equal labels. Sorts them and compares neighbours, so that no label can be too large."""
    labels = [np.concatenate(column) for column in zip(*(part.labels for part in parts), strict=True)]
    sums = np.hstack([part.sums for part in parts])
    if not sums.size:
        return parts[0]
    order = np.lexsort(labels)
    starts = _begins([column[order] for column in labels])
    # The sort is stable: the first of equals in the order is the first in the volume.
    first = order[starts]
    appearance = np.argsort(first)
    sums = np.add.reduceat(sums[:, order], starts, axis=1)[:, appearance]
    return Tabulation([column[first[appearance]] for column in labels], sums)


def _begins(columns: list[NDArray[Any]], more: slice = slice(0, 1)) -> NDArray[np.int64]:
    """Give the rows, the first among them and those of `more`, in which a label is not that of the row before."""
    begins = np.zeros(columns[0].size, bool)
    begins[0] = begins[more] = True
    for column in columns:
        begins[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(begins)
