"""Table [model]."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from auxcpvloss.config.tables.types import Hundreds, Name, Shape, Table, Thousands
from auxcpvloss.network.shapes import AxisGeometry, feature_maps, geometry
from auxcpvloss.network.tiling import smallest_tileable

MOST_LEVELS = 10
MOST_DOWNSAMPLING = 1024
"""Of all levels together, along an axis."""
MOST_MAPS = 100_000
"""Feature maps; a convolution between two levels of so many has a trillion weights."""
Few = Annotated[int, Field(gt=0, le=100)]
Factors = Annotated[list[Few], Field(max_length=MOST_LEVELS)]


class Model(Table):
    """The method and its network."""

    method: Name
    ndim: Literal[2, 3]
    train_input_shape: Shape
    test_input_shape: Shape
    num_fmaps: Thousands
    fmap_inc_factors: Factors
    fmap_dec_factors: Factors
    downsample_factors: Annotated[list[tuple[Few, Few, Few]], Field(max_length=MOST_LEVELS)]
    kernel_size: tuple[Few, Few, Few]
    num_repetitions: Few
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "selu", "silu"]
    normalization: Literal["none", "group", "batch"]
    normalization_groups: Hundreds
    padding: Literal["valid", "same"]
    upsampling: Literal["resize_conv", "transposed_conv"]

    @property
    def geometry(self) -> tuple[AxisGeometry, AxisGeometry, AxisGeometry]:
        """What the network does to the sizes of its input, by axis."""
        return geometry(self.downsample_factors, self.kernel_size, self.num_repetitions, self.padding)

    @property
    def feature_maps(self) -> tuple[list[int], list[int]]:
        """Feature maps of every level on the way down, the bottom being the last, and on the way up."""
        return feature_maps(self.num_fmaps, self.fmap_inc_factors, self.fmap_dec_factors)

    @model_validator(mode="after")
    def _levels_agree(self) -> Model:
        levels = len(self.downsample_factors)
        for key in ("fmap_inc_factors", "fmap_dec_factors"):
            if len(getattr(self, key)) != levels:
                raise ValueError(f"{key}: needs one number per entry of downsample_factors, {levels} in all")
        if any(size % 2 == 0 for size in self.kernel_size):
            raise ValueError(f"kernel_size: must be odd along every axis, not {list(self.kernel_size)}")
        most = max(axis.total_factor for axis in self.geometry)
        if most > MOST_DOWNSAMPLING:
            raise ValueError(
                f"downsample_factors: all of them together shrink the image {most:,} times, more than "
                f"{MOST_DOWNSAMPLING:,}; take fewer levels, or smaller factors"
            )
        if (maps := max(map(max, filter(None, self.feature_maps)))) > MOST_MAPS:
            raise ValueError(
                f"fmap_inc_factors: make {maps:,} feature maps of num_fmaps, more than {MOST_MAPS:,}; "
                "take fewer levels, or smaller factors"
            )
        return self

    @model_validator(mode="after")
    def _groups_divide(self) -> Model:
        down, up = self.feature_maps
        odd = sorted({maps for maps in (*down, *up) if maps % self.normalization_groups})
        if self.normalization == "group" and odd:
            fits = math.gcd(*down, *up)
            raise ValueError(
                f"normalization_groups: {self.normalization_groups} groups do not divide {_listed(odd)} feature maps "
                f"(num_fmaps and its factors make {_listed([*down, *up])}); every divisor of {fits} fits"
            )
        return self

    @model_validator(mode="after")
    def _inputs_fit(self) -> Model:
        for key in ("train_input_shape", "test_input_shape"):
            shape = getattr(self, key)
            bad = [a for a, g, s in zip("zyx", self.geometry, shape, strict=True) if g.output_size(s) is None]
            if bad:
                near = [g.nearest_inputs(s) for g, s in zip(self.geometry, shape, strict=True)]
                choices = "; ".join(
                    f"{axis}: {' or '.join(map(str, sizes))}"
                    for axis, sizes in list(zip("zyx", near, strict=True))[3 - self.ndim :]
                )
                raise ValueError(
                    f"{key}: this network cannot take an input of {list(shape)} (along {', '.join(bad)}); "
                    f"the nearest sizes that it can take: {choices}"
                )
        for axis, g, size in zip("zyx", self.geometry, self.test_input_shape, strict=True):
            smallest = smallest_tileable(g)
            if size < smallest:
                raise ValueError(
                    f"test_input_shape: of an input of {size} along {axis} nothing is left that is free of what "
                    f"padding {self.padding!r} does at the border; it needs {smallest} at least"
                )
        return self


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
