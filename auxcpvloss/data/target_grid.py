"""The grid of a volume in its files, and the one that the network sees: see `data.target_voxel_size`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.data.grids import Grid, move_labels, move_marks, nearest
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.sources.source import Source, Vector, voxel_size


def grids_of(source: Source, shape: tuple[int, ...], data: Data) -> tuple[Grid, Grid]:
    """Give the grid of an image of (Z, Y, X) voxels in its files, and that of the sample, without `data.padding`.

    Raises
    ------
    InputError
        The size of the voxels is not known.
    """
    z, y, x = shape
    here = Grid((z, y, x), _floats(voxel_size(source, data)), _floats(source.offset()))
    return here, seen(here, data)


def seen(grid: Grid, data: Data) -> Grid:
    """Give the grid on which a network sees an image."""
    return grid.at(_floats(data.target_voxel_size)) if data.target_voxel_size else grid


def target_record(source: Source, data: Data) -> dict[str, Any]:
    """Give the key by which a volume is resampled, for the record of what it is made from; nothing where it is not."""
    if not data.target_voxel_size:
        return {}
    here, there = grids_of(source, (1, 1, 1), data)
    return {} if here == there else {"target_voxel_size": list(there.voxel_size)}


def given_back(found: NDArray[Any], sample: Sample, are_points: bool) -> NDArray[Any]:
    """Give instances, or points of one voxel, that were found in a sample on the grid of its files."""
    return found if sample.original == sample else move_found(found, sample.grid, sample.original.grid, are_points)


def move_found(found: NDArray[Any], here: Grid, there: Grid, are_points: bool) -> NDArray[Any]:
    """Give instances, or points of one voxel, on another grid."""
    return (move_marks if are_points else move_labels)(found, here, there)


def prediction_back(prediction: Mapping[str, Any], sample: Sample) -> Mapping[str, Any]:
    """Give predictions, {head: (C, Z, Y, X)}, on the grid of the files, beside what was found."""
    if sample.original == sample:
        return prediction
    return {head: nearest(np.asarray(each), sample.grid, sample.original.grid) for head, each in prediction.items()}


def _floats(vector: Iterable[float]) -> Vector:
    z, y, x = map(float, vector)
    return z, y, x
