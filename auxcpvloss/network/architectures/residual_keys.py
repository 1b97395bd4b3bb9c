"""The U-Net of residual blocks: what it has beyond the U-Net, whose sizes and keys it has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from auxcpvloss.config.tables import Model
from auxcpvloss.network.architectures.unet_keys import UNET, convolutions, memory_of_prediction
from auxcpvloss.network.shapes import Shape

if TYPE_CHECKING:
    import keras

    from auxcpvloss.methods.method import Head


def _build(
    model: Model, heads: Sequence[Head], input_shape: Shape, precision: str, channels: int, predicting: bool
) -> keras.Model:
    from auxcpvloss.network.architectures.residual_unet import ResidualBuilder
    from auxcpvloss.network.architectures.unet import build_unet

    return build_unet(model, heads, input_shape, precision, channels, predicting, ResidualBuilder)


def _build_deep(model: Model, heads: Sequence[Head], input_shape: Shape, precision: str, channels: int) -> keras.Model:
    from auxcpvloss.network.architectures.residual_unet import ResidualBuilder
    from auxcpvloss.network.architectures.unet import build_unet

    return build_unet(model, heads, input_shape, precision, channels, builder=ResidualBuilder, deep=True)


def _memory_of_prediction(model: Model, input_shape: Shape) -> int:
    """Add the shortcut of the first level, where voxels are most."""
    return memory_of_prediction(model, input_shape) + 4 * model.num_fmaps * math.prod(input_shape)


RESIDUAL_UNET = replace(
    UNET,
    build=_build,
    build_deep=_build_deep,
    convolutions=partial(convolutions, residual=True),
    memory_of_prediction=_memory_of_prediction,
)
