"""The U-Net: its sizes, and which keys of [model] make one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from auxcpvloss.config.tables import Model
from auxcpvloss.network.architectures.architecture import Architecture, Convolution, Geometry
from auxcpvloss.network.architectures.feature_maps import feature_maps
from auxcpvloss.network.shapes import AxisGeometry, Shape

if TYPE_CHECKING:
    import keras

    from auxcpvloss.methods.method import Head

MOST_DOWNSAMPLING = 1024
"""Maximum over all levels together, along an axis."""
MOST_MAPS = 100_000
"""Maximum number of feature maps; a convolution between two levels of this size has a trillion weights."""


def build(
    model: Model, heads: Sequence[Head], input_shape: Shape, precision: str, channels: int, predicting: bool
) -> keras.Model:
    """Build the network, see `unet.build_unet`."""
    from auxcpvloss.network.architectures.unet import build_unet

    return build_unet(model, heads, input_shape, precision, channels, predicting)


def build_deep(model: Model, heads: Sequence[Head], input_shape: Shape, precision: str, channels: int) -> keras.Model:
    """Build the network of training with outputs at coarser levels."""
    from auxcpvloss.network.architectures.unet import build_unet

    return build_unet(model, heads, input_shape, precision, channels, deep=True)


def geometry(model: Model) -> Geometry:
    """Tell what the network does to the sizes of its input, by axis."""
    kernels, repetitions, valid = model.kernel_size, model.num_repetitions, model.padding == "valid"
    z, y, x = (
        AxisGeometry(tuple(level[axis] for level in model.downsample_factors), kernels[axis], repetitions, valid)
        for axis in range(3)
    )
    return z, y, x


def unpadded(model: Model) -> Model:
    """Give the network without padding; with group normalization, padding takes part in the statistics."""
    return model if model.normalization == "group" else model.model_copy(update={"padding": "valid"})


def memory_of_prediction(model: Model, input_shape: Shape) -> int:
    """Add up the feature maps that are held at once, in bytes, where they are most: on the way down or up."""
    down, up = feature_maps(model)
    steps = [axis.steps(size) for axis, size in zip(geometry(model), input_shape, strict=True)]
    voxels, levels = [math.prod(sizes) for sizes in zip(*steps, strict=True)], len(up)
    skips = list(accumulate((maps * after for maps, after in zip(down, voxels[1::2], strict=False)), initial=0))
    # Input and output of a convolution; what is joined, and its parts beside it.
    held = [skips[level] + 2 * down[level] * voxels[2 * level] for level in range(levels + 1)]
    held += [skips[level] + 2 * (down[level] + up[level]) * voxels[4 * levels - 2 * level] for level in range(levels)]
    return 4 * max(held)


def convolutions(
    model: Model, shape: Shape, channels: int, of_heads: int, residual: bool = False
) -> Iterator[Convolution]:
    """List the convolutions, from the input to the heads; and the projections of shortcuts, if it is `residual`."""
    down, up = feature_maps(model)
    sizes = list(shape)
    for depth, maps in enumerate(down):
        yield from level_convolutions(model, sizes, channels, maps, residual)
        channels = maps
        if depth < len(up):
            sizes[:] = [size // factor for size, factor in zip(sizes, model.downsample_factors[depth], strict=True)]
    for depth in reversed(range(len(up))):
        factors, maps = model.downsample_factors[depth], up[depth]
        coarse = math.prod(sizes)
        sizes[:] = [size * factor for size, factor in zip(sizes, factors, strict=True)]
        if model.upsampling == "transposed_conv":
            yield coarse, math.prod(factors), channels, maps
        else:
            yield math.prod(sizes), 1, channels, maps
        yield from level_convolutions(model, sizes, down[depth] + maps, maps, residual)
        channels = maps
    yield math.prod(sizes), 1, channels, of_heads


def level_convolutions(model: Model, sizes: list[int], given: int, maps: int, residual: bool) -> Iterator[Convolution]:
    """List the convolutions of a level on one side, from `given` to `maps` feature maps; changes `sizes`."""
    before, valid = given, model.padding == "valid"
    for _ in range(model.num_repetitions):
        sizes[:] = [size - valid * (width - 1) for size, width in zip(sizes, model.kernel_size, strict=True)]
        yield math.prod(sizes), math.prod(model.kernel_size), before, maps
        before = maps
    if residual and given != maps:
        yield math.prod(sizes), 1, given, maps


def smaller(model: Model) -> dict[str, Any]:
    """Give the keys of a network of few feature maps, with as many levels."""
    keys: dict[str, Any] = {"num_fmaps": min(model.num_fmaps, 4)}
    for key in ("fmap_inc_factors", "fmap_dec_factors"):
        keys[key] = [min(factor, 2) for factor in getattr(model, key)]
    down, up = feature_maps(model.model_copy(update=keys))
    # They have to divide the feature maps that are left.
    return {**keys, "normalization_groups": math.gcd(model.normalization_groups, *down, *up)}


def check(model: Model) -> Iterator[tuple[str, str]]:
    """Find keys that make no U-Net: the first one, with what is wrong with it."""
    levels = len(model.downsample_factors)
    for key in ("fmap_inc_factors", "fmap_dec_factors"):
        if len(getattr(model, key)) != levels:
            yield key, f"needs one number per entry of downsample_factors, {levels} in all"
            return
    down, up = feature_maps(model)
    most, maps = max(axis.total_factor for axis in geometry(model)), max([*down, *up])
    odd = sorted({maps for maps in (*down, *up) if maps % model.normalization_groups})
    if any(size % 2 == 0 for size in model.kernel_size):
        yield "kernel_size", f"must be odd along every axis, not {list(model.kernel_size)}"
    elif most > MOST_DOWNSAMPLING:
        yield (
            "downsample_factors",
            f"all of them together shrink the image {most:,} times, more than {MOST_DOWNSAMPLING:,}; "
            "take fewer levels, or smaller factors",
        )
    elif maps > MOST_MAPS:
        yield (
            "fmap_inc_factors",
            f"make {maps:,} feature maps of num_fmaps, more than {MOST_MAPS:,}; take fewer levels, or smaller factors",
        )
    elif model.normalization == "group" and odd:
        yield (
            "normalization_groups",
            f"{model.normalization_groups} groups do not divide {_listed(odd)} feature maps (num_fmaps and its factors "
            f"make {_listed([*down, *up])}); use a divisor of {math.gcd(*down, *up)}",
        )


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


UNET = Architecture(
    build,
    geometry,
    build_deep=build_deep,
    check=check,
    convolutions=convolutions,
    memory_of_prediction=memory_of_prediction,
    unpadded=unpadded,
    smaller=smaller,
)
