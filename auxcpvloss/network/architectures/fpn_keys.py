"""The feature pyramid network: its sizes, its encoders, and which keys of [model] make one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from auxcpvloss.config.tables import Model
from auxcpvloss.network.architectures import unet_keys
from auxcpvloss.network.architectures.architecture import Architecture, Convolution, Geometry, fixed_input
from auxcpvloss.network.architectures.encoders import (
    APPLICATIONS,
    KEYS,
    RESIDUAL,
    encoder_of,
    is_application,
    pyramid_fmaps,
)
from auxcpvloss.network.architectures.feature_maps import feature_maps
from auxcpvloss.network.architectures.pyramid_axis import PyramidAxis
from auxcpvloss.network.shapes import Shape

if TYPE_CHECKING:
    import keras

    from auxcpvloss.methods.method import Head

MOST_STAGES = 5
"""Stages of these encoders, each of which halves y and x."""
PROMISED = 64
"""Pixels around each one that tiles are given of an encoder of `keras.applications`. All of them see more, some all of
the tile: predictions depend a little on tiles."""
TILE_INPUT = 640
"""Pixels along an axis of the input of such a network in prediction, at most: tiles of 512 pixels."""


def build(
    model: Model, heads: Sequence[Head], input_shape: Shape, precision: str, channels: int, predicting: bool
) -> keras.Model:
    """Build the network, see `fpn.build_fpn`."""
    from auxcpvloss.network.architectures.fpn import build_fpn

    return build_fpn(model, heads, input_shape, precision, channels, predicting)


def geometry(model: Model) -> Geometry:
    """Tell what the network does to the sizes of its input, by axis."""
    promised = (0, PROMISED, PROMISED) if is_application(model) else (0, 0, 0)
    z, y, x = (
        PyramidAxis(
            tuple(level[axis] for level in model.downsample_factors),
            model.kernel_size[axis],
            model.num_repetitions,
            valid=False,
            promised=promised[axis],
        )
        for axis in range(3)
    )
    return z, y, x


def check(model: Model) -> Iterator[tuple[str, str]]:
    """Find keys that make no such network: the first one, with what is wrong with it."""
    groups, maps, encoder = model.normalization_groups, pyramid_fmaps(model), encoder_of(model)
    if model.padding != "same":
        yield "padding", f"{model.padding!r}, but a network of the architecture fpn pads; use 'same'"
    elif model.upsampling != "resize_conv":
        yield "upsampling", f"{model.upsampling!r}, but the architecture fpn interpolates; use 'resize_conv'"
    elif model.normalization == "group" and maps % groups:
        yield "normalization_groups", f"{groups} groups do not divide {maps} feature maps (pyramid_fmaps)"
    elif encoder == RESIDUAL:
        # There is no way up: these factors are without effect.
        yield from unet_keys.check(model.model_copy(update={"fmap_dec_factors": model.fmap_inc_factors}))
    else:
        yield from _check_application(model, encoder)


def _check_application(model: Model, encoder: str) -> Iterator[tuple[str, str]]:
    if encoder not in APPLICATIONS:
        yield "encoder", f"{encoder!r:.200} is not a known encoder; known: {', '.join((RESIDUAL, *APPLICATIONS))}"
    elif model.ndim != 2:
        yield (
            "encoder",
            f"{encoder!r} is a network for images, with model.ndim = 2; for volumes use {RESIDUAL!r}",
        )
    elif not 0 < len(model.downsample_factors) <= MOST_STAGES or set(model.downsample_factors) != {(1, 2, 2)}:
        yield (
            "downsample_factors",
            f"each stage of {encoder!r} halves the image: must be [2, 2] once to {MOST_STAGES} times, a stage each",
        )
    elif any(size % 2 == 0 for size in model.kernel_size):
        yield "kernel_size", f"must be odd along every axis, not {list(model.kernel_size)}"


def convolutions(model: Model, shape: Shape, channels: int, of_heads: int) -> Iterator[Convolution]:
    """List the convolutions, from the input to the heads; none where the encoder is not our own."""
    if is_application(model):
        return
    (down, _), width, kernel = feature_maps(model), pyramid_fmaps(model), math.prod(model.kernel_size)
    sizes = list(shape)
    for level, maps in enumerate(down):
        yield from unet_keys.level_convolutions(model, sizes, channels, maps, residual=True)
        yield math.prod(sizes), 1, maps, width
        yield math.prod(sizes), kernel, width, width
        channels = maps
        if level < len(model.downsample_factors):
            sizes = [size // factor for size, factor in zip(sizes, model.downsample_factors[level], strict=True)]
    yield math.prod(shape), kernel, width, width
    yield math.prod(shape), 1, width, of_heads


def memory_of_prediction(model: Model, input_shape: Shape) -> int:
    """Add up the features of the encoder, which wait for the pyramid, and the maps of its finest level, in bytes."""
    (down, _), voxels = feature_maps(model), math.prod(input_shape)
    steps = [axis.steps(size) for axis, size in zip(geometry(model), input_shape, strict=True)]
    by_level = [math.prod(sizes) for sizes in zip(*steps, strict=True)][1::2]
    waiting = sum(maps * level for maps, level in zip(down, by_level, strict=False))
    # Input, output and shortcut of a block; or what is added up in the pyramid, with the parts.
    return 4 * (waiting + voxels * max(3 * down[0], 5 * pyramid_fmaps(model)))


def smaller(model: Model) -> Mapping[str, Any]:
    """Give the keys of a network of few feature maps, with as many levels; the encoder stays."""
    keys = {**unet_keys.smaller(model.model_copy(update={"fmap_dec_factors": model.fmap_inc_factors}))}
    del keys["fmap_dec_factors"]
    maps = min(pyramid_fmaps(model), 8)
    return {**keys, "pyramid_fmaps": maps, "normalization_groups": math.gcd(keys["normalization_groups"], maps)}


def _fixed_input(model: Model) -> int:
    return TILE_INPUT if is_application(model) else fixed_input(model)


FPN = Architecture(
    build,
    geometry,
    keys=KEYS,
    check=check,
    width="pyramid_fmaps",
    convolutions=convolutions,
    memory_of_prediction=memory_of_prediction,
    smaller=smaller,
    fixed_input=_fixed_input,
)
