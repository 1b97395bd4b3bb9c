"""The position of a volume in space, which every format records in its own way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

AXES = ("z", "y", "x")
Vector = tuple[float, float, float]
Unit = Literal["", "nanometer", "micrometer", "millimeter"]
UNITS: tuple[Unit, ...] = get_args(Unit)
SYMBOLS: dict[Unit, str] = {"": "units", "nanometer": "nm", "micrometer": "µm", "millimeter": "mm"}


@dataclass(frozen=True)
class Space:
    """The grid of a volume: voxel size and position of the first voxel, along z, y, x."""

    voxel_size: Vector
    offset: Vector = (0.0, 0.0, 0.0)
    unit: Unit = ""
    """Unit of both; "" if unknown: then only ratios are meaningful."""

    def position(self, voxels: NDArray[np.floating]) -> NDArray[np.float64]:
        """Convert (N, 3) voxel coordinates to positions."""
        return np.asarray(voxels * np.array(self.voxel_size) + np.array(self.offset))
