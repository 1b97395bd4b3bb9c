"""Zoom: nuclei larger or smaller."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from auxcpvloss.augment.augmentation import Augmentation, Occasional, Ordered, Setting, Sizes, log_uniform
from auxcpvloss.augment.deform import Deformation

Factor = Annotated[float, Field(ge=0.25, le=4, allow_inf_nan=False)]


class Zoom(Occasional):
    """Zoom, by the same factor along all axes."""

    category: ClassVar = "scaling"

    factor: Annotated[tuple[Factor, Factor], Ordered] = Field(
        (0.8, 1.25), description="Range of the factor by which nuclei grow.", examples=[[0.7, 1.4]]
    )
    factors: Annotated[list[Factor], Field(max_length=100)] = Field(
        [],
        description="Factors of which one is drawn, each with the same probability, in place of the range `factor`.",
        examples=[[0.5, 1, 2]],
    )

    def limits(self) -> tuple[float, float]:
        """Give the smallest and the largest factor."""
        return (min(self.factors), max(self.factors)) if self.factors else self.factor

    def draw(self, rng: np.random.Generator) -> float:
        """Draw a factor."""
        return float(rng.choice(self.factors)) if self.factors else log_uniform(rng, self.factor)


def deform(deformation: Deformation, table: Zoom, setting: Setting, rng: np.random.Generator) -> Deformation:
    """Scale the map about its center."""
    zoomed, factor = rng.random() < table.probability, table.draw(rng)
    return replace(deformation, linear=deformation.linear / _along_axes(factor, setting)) if zoomed else deformation


def extent(sizes: Sizes, table: Zoom, setting: Setting) -> Sizes:
    """Largest extent of an object after zooming in."""
    return sizes * _along_axes(max(table.limits()[1], 1), setting)


def region(sizes: Sizes, table: Zoom, setting: Setting) -> Sizes:
    """Largest region that one is made from, by zooming out."""
    # Two voxels more, since both ends are rounded outwards.
    return np.ceil(sizes / _along_axes(min(table.limits()[0], 1), setting)) + 2


def _along_axes(factor: float, setting: Setting) -> Sizes:
    """Give the factor along z, y, x; an image has one plane before and after."""
    return np.array([factor if setting.ndim == 3 else 1, factor, factor])


ZOOM = Augmentation("zoom", Zoom, deform=deform, extent=extent, region=region)
