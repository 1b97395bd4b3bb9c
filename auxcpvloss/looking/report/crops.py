"""Three orthogonal planes through a place in a volume, side by side as microscopists lay them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.units import Vector
from auxcpvloss.looking.report.cases import Voxel

MARGIN = 1
"""Margin around each plane, in pixels, which is not shown; outlines that continue outside are closed in it."""

MOST = 65
"""Maximum number of pixels along a side; odd, so one pixel is in the middle."""


@dataclass(frozen=True)
class Crop:
    """Which voxels are shown around a place: the center, z, y, x in voxels.

    The planes of a volume are laid out so; of one with a single plane there is xy alone::

        xy | zy
        ---+---
        xz |

    A plane has `side` pixels along a side, an odd number, with `MARGIN`; `pixel` is their size, the same along every
    axis, in the unit of the voxel size.
    """

    center: Voxel
    side: int
    pixel: float
    voxel_size: Vector
    is_plane: bool

    @classmethod
    def around(cls, center: Voxel, field: float, voxel_size: Vector, shape: tuple[int, ...]) -> Crop:
        """Show about `field` around a place; pixels are as large as voxels are short, or larger to fit into `MOST`."""
        pixel = max(min(voxel_size), field / MOST)
        side = int(np.ceil(field / pixel)) // 2 * 2 + 1
        return cls(center, side + 2 * MARGIN, pixel, voxel_size, shape[0] == 1)

    def cut(self, volume: NDArray[Any]) -> NDArray[Any]:
        """Lay out the planes of a (Z, Y, X) volume, voxels as they are; what is outside the volume is 0."""
        z, y, x = self.center
        at_z, at_y, at_x = (self._indices(axis) for axis in range(3))
        xy = _pick(volume[z], at_y, at_x)
        if self.is_plane:
            return xy
        zy, xz = _pick(volume[:, :, x].T, at_y, at_z), _pick(volume[:, y], at_z, at_x)
        return np.block([[xy, zy], [xz, np.zeros_like(xy)]])

    def position(self, point: NDArray[np.float64]) -> list[tuple[float, float]]:
        """Give column and row of a point (z, y, x in voxels) in each plane that it is close to and within."""
        z, y, x = ((point - self.center) * self.voxel_size / self.pixel + self.side / 2).tolist()
        middle, near, n = self.side / 2, self.side / 8, self.side
        planes = [(z, (x, y), (0, 0)), (x, (z, y), (n, 0)), (y, (x, z), (0, n))]
        return [
            (round(column + right, 1), round(row + down, 1))
            for depth, (column, row), (right, down) in planes[: 1 if self.is_plane else 3]
            if abs(depth - middle) <= near and 0 <= column <= n and 0 <= row <= n
        ]

    def _indices(self, axis: int) -> NDArray[np.int64]:
        steps = np.arange(self.side) - (self.side - 1) / 2
        return np.floor(self.center[axis] + steps * self.pixel / self.voxel_size[axis] + 0.5).astype(np.int64)


def _pick(plane: NDArray[Any], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[Any]:
    picked = plane.take(rows, axis=0, mode="clip").take(columns, axis=1, mode="clip")
    is_inside = [(at >= 0) & (at < size) for at, size in zip((rows, columns), plane.shape, strict=True)]
    return np.where(np.logical_and.outer(*is_inside), picked, 0).astype(plane.dtype)
