"""A volume, and what was found in it: what figures, reports and comparisons show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from auxcpvloss.config.units import Vector
from auxcpvloss.metrics.detection import VOXELS, Detections, Points


@dataclass(frozen=True, eq=False)
class Outcome:
    """A volume, and what was found in it: (Z, Y, X) arrays of intensities and of labels, 0 is background.

    If nuclei were found as points, (N, 3), matched with the truth if there is any, pictures show these instead of
    instances. The voxel size is along z, y and x. A `ValueError` says if shapes differ.
    """

    name: str
    """What stands beside its pictures: the volume, or the method."""
    raw: NDArray[Any]
    instances: NDArray[Any]
    truth: NDArray[Any] | None = None
    points: Detections | Points | None = None
    voxel_size: Vector = VOXELS

    def __post_init__(self) -> None:
        for labels in (self.instances, self.truth):
            if labels is not None and labels.shape != self.raw.shape:
                raise ValueError(f"raw data and labels differ in shape: {self.raw.shape} and {labels.shape}")

    @property
    def aspect(self) -> float:
        """Height of a pixel divided by its width, as seen along z."""
        return self.voxel_size[1] / self.voxel_size[2]
