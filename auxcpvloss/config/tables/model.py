"""Table [model]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from auxcpvloss.config.tables.types import Hundreds, Name, Shape, Table, Thousands

MOST_LEVELS = 10
Few = Annotated[int, Field(gt=0, le=100)]
Factors = Annotated[list[Few], Field(max_length=MOST_LEVELS)]


class Model(Table):
    """The method and its network."""

    method: Name
    auxiliary: list[Name]
    architecture: Name
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
