"""A volume with all that there is to see of it in a viewer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.units import Space
from auxcpvloss.data.centers_of_mass import Centers, centers_by_label
from auxcpvloss.data.points import paint_balls
from auxcpvloss.looking.handover.errors import Errors


@dataclass(frozen=True, eq=False)
class Scene:
    """A volume, its ground truth and its result.

    Attributes
    ----------
    name : str
    raw : (Z, Y, X) array of float
    found : (Z, Y, X) array of integer
        The instances; of a method that finds points, one voxel a point.
    is_points : bool
        Whether they are points.
    truth : (Z, Y, X) array of integer, optional
    errors : tuple of Errors
        Of each kind; none without ground truth.
    space : Space
    """

    name: str
    raw: NDArray[Any]
    found: NDArray[Any]
    is_points: bool
    truth: NDArray[Any] | None
    errors: tuple[Errors, ...]
    space: Space

    @property
    def centers(self) -> Centers:
        """Centers of mass of the instances."""
        return centers_by_label(self.found)

    def labels(self) -> dict[str, NDArray[Any]]:
        """Give the labels to show, by name, instances first; points as small balls, since nobody would see a voxel."""
        shown = {"instances": self.found}
        if self.is_points:
            points = np.column_stack([self.centers.positions, self.centers.ids])
            shown = {"points": paint_balls(points, self.found.shape)}
        return shown if self.truth is None else {**shown, "truth": self.truth}

    def intensities(self) -> tuple[float, float]:
        """Give the intensities to show as black and white: percentiles 1 and 99.8."""
        low, high = (float(value) for value in np.percentile(self.raw, (1, 99.8)))
        return (low, high) if low < high else (low, low + 1)
