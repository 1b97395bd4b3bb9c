"""Table [model]."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from pydantic import model_validator

from auxcpvloss.config.tables.types import Positive, Shape, Table
from auxcpvloss.network.shapes import AxisGeometry, feature_maps, geometry
from auxcpvloss.network.tiling import smallest_tileable


class Model(Table):
    """The method and its network."""

    method: str
    ndim: Literal[2, 3]
    train_input_shape: Shape
    test_input_shape: Shape
    num_fmaps: Positive
    fmap_inc_factors: list[Positive]
    fmap_dec_factors: list[Positive]
    downsample_factors: list[Shape]
    kernel_size: Shape
    num_repetitions: Positive
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "selu", "silu"]
    normalization: Literal["none", "group", "batch"]
    normalization_groups: Positive
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
