"""Volumes on grids of other voxels: images are interpolated, labels go to the nearest voxel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.units import Vector
from auxcpvloss.data.centers_of_mass import centers_by_label
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")

SAME = 1e-3
"""Voxel sizes that differ by less, relatively, are the same: they were rounded."""
TIE = 1e-6
"""Of two voxels that are equally near, but for rounding, the later one is the nearest."""


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a volume are: along z, y, x their number, size, and the center of the first one."""

    shape: tuple[int, int, int]
    voxel_size: Vector
    offset: Vector = (0.0, 0.0, 0.0)

    def at(self, voxel_size: Vector) -> Grid:
        """Give the grid of voxels of another size that covers the same space, to half a voxel at its far ends.

        An axis of one voxel stays so: the plane of an image has no depth. The grid itself where the size is the same.
        """
        if np.allclose(voxel_size, self.voxel_size, rtol=SAME, atol=0):
            return self
        old, new = np.array(self.voxel_size), np.array(voxel_size, float)
        is_flat = np.array(self.shape) == 1
        shape = np.where(is_flat, 1, np.maximum(1, np.rint(self.shape * old / new))).astype(int)
        offset = np.where(is_flat, self.offset, self.offset + (new - old) / 2)
        return Grid(_three(shape.tolist()), _three(new.tolist()), _three(offset.tolist()))

    def padded(self, padding: tuple[int, int, int]) -> Grid:
        """Give the grid with more voxels at both ends."""
        shape = np.add(self.shape, np.multiply(2, padding)).tolist()
        offset = np.subtract(self.offset, np.multiply(padding, self.voxel_size)).tolist()
        return replace(self, shape=_three(shape), offset=_three(offset))


def interpolate(image: NDArray[Any], here: Grid, there: Grid) -> NDArray[np.float32]:
    """Give an image on another grid, by linear interpolation; smoothed before along axes along which voxels grow."""
    factor, begin = _step(here, there)
    smooth = ndimage.gaussian_filter(
        image.astype(np.float32, copy=False), np.maximum(0, factor - 1) / 2, mode="nearest"
    )
    moved = ndimage.affine_transform(smooth, np.diag(factor), begin, there.shape, np.float32, order=1, mode="nearest")
    return np.asarray(moved)


def nearest(array: NDArray[Any], here: Grid, there: Grid) -> NDArray[Any]:
    """Give an array, whose last axes are z, y, x, on another grid: of each voxel the nearest one."""
    factor, begin = _step(here, there)
    numbers = [np.arange(size) * step + first for size, step, first in zip(there.shape, factor, begin, strict=True)]
    z, y, x = (_voxels(*each) for each in zip(numbers, here.shape, strict=True))
    return np.asarray(array[..., z[:, np.newaxis, np.newaxis], y[:, np.newaxis], x])


def move_labels(labels: NDArray[Any], here: Grid, there: Grid) -> NDArray[Any]:
    """Give labels on another grid; one that no voxel is nearest to keeps one, if no other label loses its last."""
    moved = nearest(labels, here, there)
    ids, sizes = np.unique(moved, return_counts=True)
    left = dict(zip(ids.tolist(), sizes.tolist(), strict=True))
    lost = centers_by_label(labels, (labels > 0) & ~np.isin(labels, ids))
    inside = np.stack(np.unravel_index(lost.voxels, labels.shape), axis=-1)
    order = np.lexsort((((inside - lost.positions[lost.instance]) ** 2).sum(axis=-1), lost.instance))
    innermost = inside[order[np.unique(lost.instance[order], return_index=True)[1]]]
    for label, place in zip(lost.ids, _voxels(move_points(innermost, here, there), there.shape), strict=True):
        owner = int(moved[tuple(place)])
        if owner == 0 or left[owner] > 1:
            left[owner], left[int(label)] = left[owner] - 1, 1
            moved[tuple(place)] = label
    return moved


def move_marks(marks: NDArray[Any], here: Grid, there: Grid) -> NDArray[Any]:
    """Give labels of one voxel each on another grid, where they are of one voxel, too; where two meet, the first."""
    found, moved = centers_by_label(marks), np.zeros(there.shape, marks.dtype)
    places = _voxels(move_points(found.positions, here, there), there.shape)
    moved[tuple(places[::-1].T)] = found.ids[::-1]
    return moved


def move_points(points: NDArray[Any], here: Grid, there: Grid) -> NDArray[np.float64]:
    """Give (N, 3) places, z, y, x in voxels, in those of another grid."""
    factor, begin = _step(there, here)
    return np.asarray(points * factor + begin, np.float64)


def _step(here: Grid, there: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Voxel n of `there` is at begin + n * factor, in voxels of `here`."""
    size = np.array(here.voxel_size)
    return np.array(there.voxel_size) / size, np.subtract(there.offset, here.offset) / size


def _voxels(places: NDArray[np.float64], shape: int | tuple[int, ...]) -> NDArray[np.int64]:
    """Give the voxels of a volume, or numbers of those along an axis, that places are nearest to."""
    return np.clip(np.floor(places + 0.5 + TIE).astype(np.int64), 0, np.subtract(shape, 1))


def _three(numbers: list[Any]) -> Any:
    z, y, x = numbers
    return z, y, x
