"""Which instances of two label volumes share voxels: the table that all scores of instances are made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.metrics.tabulation import Tabulation, tabulate

Ids = NDArray[Any]
Indices = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Which instances of two volumes share voxels, and how many: a sparse table.

    Attributes
    ----------
    shape : tuple of int
        Of the volumes, which have D axes.
    truth_ids, predicted_ids : (T,) and (R,) arrays of integer
        All instances, rising, also those that overlap with nothing.
    truth_sizes, predicted_sizes : (T,) and (R,) arrays of int64
        Their sizes in voxels.
    truth_centers, predicted_centers : (T, D) and (R, D) arrays of float64
        Their centers of mass, in voxels.
    truth_index, predicted_index : (P,) arrays of int64
        Where the ids of each overlapping pair stand in `truth_ids` and `predicted_ids`. The pairs are in the order
        in which they first appear in the volume.
    shared : (P,) array of int64
        Number of voxels that the pair shares.
    """

    shape: tuple[int, ...]
    truth_ids: Ids
    predicted_ids: Ids
    truth_sizes: Indices
    predicted_sizes: Indices
    truth_centers: Values
    predicted_centers: Values
    truth_index: Indices
    predicted_index: Indices
    shared: Indices

    @cached_property
    def truth(self) -> Ids:
        """Id of the true instance of each pair."""
        return self.truth_ids[self.truth_index]

    @cached_property
    def predicted(self) -> Ids:
        """Id of the predicted instance of each pair."""
        return self.predicted_ids[self.predicted_index]

    @cached_property
    def iou(self) -> Values:
        """Intersection over union (Jaccard index) of each pair, in (0, 1]."""
        both = self.truth_sizes[self.truth_index] + self.predicted_sizes[self.predicted_index]
        return self.shared / (both - self.shared)


def overlaps(truth: NDArray[Any], predicted: NDArray[Any]) -> Overlaps:
    """Tabulate which instances of two label volumes of the same shape share voxels.

    0 is background; labels need be neither small nor consecutive. A `ValueError` says if the shapes differ or a label
    is negative, a `TypeError` if labels are not integers.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"the label volumes differ in shape: {truth.shape} and {predicted.shape}")
    for name, volume in {"truth": truth, "predicted": predicted}.items():
        if not np.issubdtype(volume.dtype, np.integer):
            raise TypeError(f"{name}: labels must be of an integer type, not {volume.dtype}")
    table = tabulate(truth, predicted)
    t_ids, t_sizes, t_centers, t = _instances(table, 0, "truth")
    p_ids, p_sizes, p_centers, p = _instances(table, 1, "predicted")
    # Order of appearance: it does not depend on the values of the labels, and so neither do ties.
    both = (t >= 0) & (p >= 0)
    pairs = t[both], p[both], table.sums[0, both]
    return Overlaps(truth.shape, t_ids, p_ids, t_sizes, p_sizes, t_centers, p_centers, *pairs)


def instance_centers(labels: NDArray[Any]) -> tuple[Ids, Values]:
    """Give the (N,) ids of the instances of a label volume, rising, and their (N, D) centers of mass, in voxels."""
    ids, _, centers, _ = _instances(tabulate(labels), 0, "labels")
    return ids, centers


def _instances(table: Tabulation, side: int, name: str) -> tuple[Ids, Indices, Values, Indices]:
    """Give ids, sizes and centers of the instances of a side; and the place of the id of each row, -1: background."""
    ids, inverse = np.unique(table.labels[side], return_inverse=True)
    if ids.size and ids[0] < 0:
        raise ValueError(f"{name}: labels must not be negative; found {ids[0]}")
    background = int(ids.size > 0 and ids[0] == 0)
    # As float64: exact below 2**53.
    sums = np.array([np.bincount(inverse, row, minlength=ids.size) for row in table.sums])[:, background:]
    return ids[background:], sums[0].astype(np.int64), (sums[1:] / sums[0]).T, inverse - background
