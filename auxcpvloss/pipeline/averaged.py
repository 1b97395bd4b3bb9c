"""Networks of which the predictions are averaged: of mirror images of the input, and of several networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.methods.averaging import Mean
from auxcpvloss.methods.method import Head
from auxcpvloss.methods.transforms import Transform, transform_channels
from auxcpvloss.network.shapes import Shape
from auxcpvloss.network.tiling import Tiling
from auxcpvloss.pipeline.scan import Network

Networks = Callable[[Shape], Network]
"""Shape of the input -> network for it."""


def over_mirror_images(
    networks: Networks, input_shape: Shape, heads: Sequence[Head], transforms: Sequence[Transform]
) -> Network:
    """Make a network that averages over mirror images of its input.

    They are computed one after the other, so that no more memory is needed than for one and the mean.

    Parameters
    ----------
    networks : callable
        Asked once for each of the shapes that the input has with its axes exchanged.
    input_shape : (Z, Y, X)
    heads : sequence of Head
        Those that the networks compute.
    transforms : sequence of Transform
    """
    if list(transforms) == [Transform()]:
        return networks(input_shape)
    by_shape = {shape: networks(shape) for shape in {each.exchanged(input_shape): None for each in transforms}}

    def network(raw: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        means = {head.name: Mean(head.loss) for head in heads}
        for transform in transforms:
            image = np.ascontiguousarray(transform(raw))
            outputs = by_shape[transform.exchanged(input_shape)](image)
            for head in heads:
                # Voxels that mirrored affinities have no value of lie outside of the tile, see `voxels_before`.
                back = transform_channels(outputs[head.name][0], head.transforms_as, transform.inverse)
                means[head.name].add(back)
        return {name: mean.result()[np.newaxis] for name, mean in means.items()}

    return network


def joint_tiling(tilings: Sequence[Tiling]) -> Tiling:
    """Give the tiles of what `over_networks` makes: its input holds that of each network, its output is the tile."""
    first, *others = tilings
    if not others:
        return first
    margin = np.max([tiling.margin for tiling in tilings], axis=0)
    ends = np.max([np.subtract(tiling.input_shape, tiling.margin) for tiling in tilings], axis=0)
    return Tiling(_shape(margin + ends), first.tile, _shape(margin), (0, 0, 0), first.counts)


def over_networks(networks: Sequence[Network], tilings: Sequence[Tiling], heads: Sequence[Head]) -> Network:
    """Make a network that averages over several ones, which may see more or less of the image around a tile.

    Parameters
    ----------
    networks : sequence of Network
    tilings : sequence of Tiling
        With the same tiles, one a network.
    heads : sequence of Head
        Those that the networks compute.
    """
    if len(networks) == 1:
        return networks[0]
    margin = joint_tiling(tilings).margin

    def network(raw: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        means = {head.name: Mean(head.loss) for head in heads}
        for each, tiling in zip(networks, tilings, strict=True):
            image = _cut(raw, np.subtract(margin, tiling.margin), tiling.input_shape)
            outputs = each(np.ascontiguousarray(image))
            for name, mean in means.items():
                mean.add(_cut(outputs[name][0], tiling.output_offset, tiling.tile))
        return {name: mean.result()[np.newaxis] for name, mean in means.items()}

    return network


def _cut(array: NDArray[Any], first: Iterable[int], shape: Shape) -> NDArray[Any]:
    z, y, x = (slice(begin, begin + size) for begin, size in zip(first, shape, strict=True))
    return array[..., z, y, x]


def _shape(sizes: NDArray[Any]) -> Shape:
    z, y, x = (int(size) for size in sizes)
    return z, y, x
