"""The U-Net: its sizes, and which keys of [model] make one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from auxcpvloss.config.tables import Model
from auxcpvloss.network import shapes
from auxcpvloss.network.architectures.architecture import Architecture, Geometry
from auxcpvloss.network.shapes import Shape
from auxcpvloss.network.tiling import smallest_tileable

if TYPE_CHECKING:
    import keras

    from auxcpvloss.methods.method import Head

MOST_DOWNSAMPLING = 1024
"""Of all levels together, along an axis."""
MOST_MAPS = 100_000
"""Feature maps; a convolution between two levels of so many has a trillion weights."""


def geometry(model: Model) -> Geometry:
    """What the network does to the sizes of its input, by axis."""
    return shapes.geometry(model.downsample_factors, model.kernel_size, model.num_repetitions, model.padding)


def feature_maps(model: Model) -> tuple[list[int], list[int]]:
    """Feature maps of every level on the way down, the bottom being the last, and on the way up."""
    return shapes.feature_maps(model.num_fmaps, model.fmap_inc_factors, model.fmap_dec_factors)


def build(model: Model, heads: Sequence[Head], input_shape: Shape, precision: str) -> keras.Model:
    """Build the network, see `unet_layers.build_unet`."""
    from auxcpvloss.network.architectures.unet_layers import build_unet

    return build_unet(model, heads, input_shape, precision)


def check(model: Model) -> Iterator[tuple[str, str]]:
    """Find keys that make no U-Net, the first of its kind only: (key, what is wrong)."""
    for find in (_levels, _groups, _inputs):
        if found := list(find(model)):
            yield from found
            return


def _levels(model: Model) -> Iterator[tuple[str, str]]:
    levels = len(model.downsample_factors)
    for key in ("fmap_inc_factors", "fmap_dec_factors"):
        if len(getattr(model, key)) != levels:
            yield key, f"needs one number per entry of downsample_factors, {levels} in all"
            return
    if any(size % 2 == 0 for size in model.kernel_size):
        yield "kernel_size", f"must be odd along every axis, not {list(model.kernel_size)}"
        return
    most = max(axis.total_factor for axis in geometry(model))
    if most > MOST_DOWNSAMPLING:
        yield (
            "downsample_factors",
            f"all of them together shrink the image {most:,} times, more than {MOST_DOWNSAMPLING:,}; "
            "take fewer levels, or smaller factors",
        )
    elif (maps := max(map(max, filter(None, feature_maps(model))))) > MOST_MAPS:
        yield (
            "fmap_inc_factors",
            f"make {maps:,} feature maps of num_fmaps, more than {MOST_MAPS:,}; take fewer levels, or smaller factors",
        )


def _groups(model: Model) -> Iterator[tuple[str, str]]:
    down, up = feature_maps(model)
    odd = sorted({maps for maps in (*down, *up) if maps % model.normalization_groups})
    if model.normalization == "group" and odd:
        fits = math.gcd(*down, *up)
        yield (
            "normalization_groups",
            f"{model.normalization_groups} groups do not divide {_listed(odd)} feature maps (num_fmaps and its factors "
            f"make {_listed([*down, *up])}); every divisor of {fits} fits",
        )


def _inputs(model: Model) -> Iterator[tuple[str, str]]:
    axes = geometry(model)
    for key in ("train_input_shape", "test_input_shape"):
        shape = getattr(model, key)
        bad = [a for a, g, s in zip("zyx", axes, shape, strict=True) if g.output_size(s) is None]
        if bad:
            near = [g.nearest_inputs(s) for g, s in zip(axes, shape, strict=True)]
            choices = "; ".join(
                f"{axis}: {' or '.join(map(str, sizes))}"
                for axis, sizes in list(zip("zyx", near, strict=True))[3 - model.ndim :]
            )
            yield (
                key,
                f"this network cannot take an input of {list(shape)} (along {', '.join(bad)}); "
                f"the nearest sizes that it can take: {choices}",
            )
            return
    for axis, g, size in zip("zyx", axes, model.test_input_shape, strict=True):
        smallest = smallest_tileable(g)
        if size < smallest:
            yield (
                "test_input_shape",
                f"of an input of {size} along {axis} nothing is left that is free of what padding {model.padding!r} "
                f"does at the border; it needs {smallest} at least",
            )


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


UNET = Architecture(build, geometry, feature_maps, check)
