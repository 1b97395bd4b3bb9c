"""The voxels of a prediction, in groups that are decoded together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.methods.method import Array, Prediction
from auxcpvloss.segmentation.arrays import Mask

CACHED = 2**16
"""Voxels looked at together: so many that they stay in the processor's cache."""


def voxels_of(
    prediction: Prediction, wanted: Callable[[Prediction], Mask] | None
) -> Iterator[tuple[NDArray[np.int64], Prediction]]:
    """Give the flat indices of voxels, whole rows after another, and the prediction there, {head: (C, N) array}.

    Parameters
    ----------
    prediction : mapping
        {head: (C, Z, Y, X)}
    wanted : callable, optional
        {head: (C, N) array} -> (N,) array of bool: whether a voxel is given; None: all are.
    """
    depth, height, width = next(iter(prediction.values())).shape[1:]
    rows = max(1, CACHED // width)
    places: list[NDArray[np.int64]] = []
    kept: list[dict[str, Array]] = []
    held = 0
    for z in range(depth):
        for y in range(0, height, rows):
            slab = {head: _as_float32(each[:, z, y : y + rows]) for head, each in prediction.items()}
            if wanted is None:
                found = np.arange(min(rows, height - y) * width)
            else:
                found = np.flatnonzero(wanted(slab))
                slab = {head: each[:, found] for head, each in slab.items()}
            if len(found):
                places.append(found + (z * height + y) * width)
                kept.append(slab)
                held += len(found)
            if places and (held > CACHED or (z, y + rows) >= (depth - 1, height)):
                yield np.concatenate(places), {head: np.hstack([each[head] for each in kept]) for head in slab}
                places, kept, held = [], [], 0


def _as_float32(values: Array) -> Array:
    flat = values.reshape(len(values), -1)
    # Counts, such as of votes, stay exact.
    return flat.astype(np.float32, copy=False) if np.issubdtype(flat.dtype, np.floating) else flat
