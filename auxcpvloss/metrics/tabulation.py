"""How many voxels each combination of labels has, and where: one pass over label volumes, in bounded memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SLAB = 2**20
"""Voxels that are looked at together."""


class Tabulation(NamedTuple):
    """The combinations of labels that occur, in the order in which they first appear in the volumes.

    Attributes
    ----------
    labels : list of (N,) arrays of integer
        One array a volume.
    sums : (1 + D, N) array of int64
        Number of voxels, and the sum of each of their D coordinates.
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
    rows = 0
    for start in range(0, flat[0].size, SLAB):
        parts.append(_grouped(_runs([volume[start : start + SLAB] for volume in flat], start, shape)))
        rows += parts[-1].sums.shape[1]
        if rows > SLAB + 2 * parts[0].sums.shape[1]:
            parts = [_grouped(_joined(parts))]
            rows = parts[0].sums.shape[1]
    return _grouped(_joined(parts))


def _runs(slabs: list[NDArray[Any]], start: int, shape: tuple[int, ...]) -> Tabulation:
    """Give each run of voxels of a row along which no label changes.

    Sorting some runs instead of many voxels is what makes it fast.
    """
    begins = np.zeros(slabs[0].size, bool)
    begins[0] = True
    begins[-start % shape[-1] :: shape[-1]] = True
    for slab in slabs:
        begins[1:] |= slab[1:] != slab[:-1]
    starts = np.flatnonzero(begins)
    lengths = np.diff(starts, append=begins.size)
    sums = np.vstack([lengths, np.array(np.unravel_index(start + starts, shape)) * lengths])
    sums[-1] += lengths * (lengths - 1) // 2
    return Tabulation([slab[starts] for slab in slabs], sums)


def _joined(parts: list[Tabulation]) -> Tabulation:
    labels = [np.concatenate(column) for column in zip(*(part.labels for part in parts), strict=True)]
    return Tabulation(labels, np.hstack([part.sums for part in parts]))


def _grouped(table: Tabulation) -> Tabulation:
    """Add up the rows of equal labels. Sorts them and compares neighbours, so that no label can be too large."""
    if not table.sums.size:
        return table
    order = np.lexsort(table.labels)
    begins = np.zeros(order.size, bool)
    begins[0] = True
    for column in table.labels:
        in_order = column[order]
        begins[1:] |= in_order[1:] != in_order[:-1]
    starts = np.flatnonzero(begins)
    # The sort is stable: the first of equals in the order is the first in the volume.
    first = order[starts]
    appearance = np.argsort(first)
    sums = np.add.reduceat(table.sums[:, order], starts, axis=1)[:, appearance]
    return Tabulation([column[first[appearance]] for column in table.labels], sums)
