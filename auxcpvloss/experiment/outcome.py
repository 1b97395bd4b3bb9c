"""A volume, and what was found in it: what figures, reports and comparisons show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from auxcpvloss.config.units import Vector
from auxcpvloss.metrics.detection import VOXELS, Detections, Points


@dataclass(frozen=True, eq=False)
class Outcome:
    """A volume, and what was found in it.

    Attributes
    ----------
    name : str
        What stands beside its pictures: the volume, or the method.
    raw, instances, truth : (Z, Y, X) arrays
        Intensities, and labels, 0 is background; the truth is optional. A ValueError says if shapes differ.
    points : Detections, or (N, 3) array of float, optional
        Nuclei that were found as points, matched with the truth if there is any. If given, pictures show these
        instead of instances.
    voxel_size : tuple of float
        Along z, y and x.
    """

    name: str
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
