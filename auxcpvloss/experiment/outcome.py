"""A volume, and what was found in it: what figures, reports and comparisons show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.units import Vector
from auxcpvloss.metrics import Comparison
from auxcpvloss.metrics.detection import VOXELS, Detections, Points, centers_of_mass


@dataclass(frozen=True, eq=False)
class Outcome:
    """A volume, (Z, Y, X) intensities, and what was found in it. A `ValueError` says if shapes differ."""

    name: str
    """Caption of its pictures: the volume or the method."""
    raw: NDArray[Any]
    found: Comparison | NDArray[Any]
    """Instances compared with the ground truth; without ground truth only the instances, (Z, Y, X), 0 is background."""
    shows_points: bool = False
    """Whether pictures show points instead of instances."""
    voxel_size: Vector = VOXELS

    def __post_init__(self) -> None:
        for labels in (self.instances, self.truth):
            if labels is not None and labels.shape != self.raw.shape:
                raise ValueError(f"raw data and labels differ in shape: {self.raw.shape} and {labels.shape}")

    @property
    def comparison(self) -> Comparison | None:
        """The instances beside the truth, where there is any."""
        return self.found if isinstance(self.found, Comparison) else None

    @property
    def instances(self) -> NDArray[Any]:
        """Instances, as far as they are scored: (Z, Y, X)."""
        return self.found.predicted if isinstance(self.found, Comparison) else self.found

    @property
    def ignored(self) -> NDArray[np.bool_] | None:
        """Voxels that nobody annotated, (Z, Y, X); None where all are, or nothing is."""
        return self.comparison.ignored if self.comparison else None

    @property
    def truth(self) -> NDArray[Any] | None:
        """True labels, (Z, Y, X), where there are masks."""
        return self.comparison.truth if self.comparison and self.comparison.has_masks else None

    @cached_property
    def centers(self) -> Points:
        """Centers of mass of the instances: (N, 3)."""
        return centers_of_mass(self.instances)

    @property
    def points(self) -> Detections | Points | None:
        """What pictures show as points, matched with the truth if there is any; None where they show instances."""
        if not self.shows_points:
            return None
        return self.comparison.detections if self.comparison else self.centers

    @property
    def aspect(self) -> float:
        """Height of a pixel divided by its width, as seen along z."""
        return self.voxel_size[1] / self.voxel_size[2]
