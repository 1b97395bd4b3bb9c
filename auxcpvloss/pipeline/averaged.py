"""Networks of which the predictions are averaged: of mirror images of the input, and of several networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.methods.averaging import Mean
from auxcpvloss.methods.method import Head
from auxcpvloss.methods.transforms import Transform, transform_channels
from auxcpvloss.network.shapes import Shape
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
        means = {head.name: Mean(head.activation) for head in heads}
        for transform in transforms:
            image = np.ascontiguousarray(transform(raw))
            outputs = by_shape[transform.exchanged(input_shape)](image)
            for head in heads:
                # Voxels that mirrored affinities have no value of lie outside of the tile, see `voxels_before`.
                back = transform_channels(outputs[head.name][0], head.transforms_as, transform.inverse)
                means[head.name].add(back)
        return {name: mean.result()[np.newaxis] for name, mean in means.items()}

    return network
