"""Networks, by name."""

from __future__ import annotations

from itertools import count
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.config.tables import Model
from auxcpvloss.data.untrusted.limits import check_bytes
from auxcpvloss.network.architectures.architecture import Architecture, Geometry
from auxcpvloss.network.architectures.unet_keys import UNET
from auxcpvloss.network.shapes import Shape
from auxcpvloss.network.tiling import Tiling, smallest_tileable, tile_volume

ARCHITECTURES: dict[str, Architecture] = {"unet": UNET}

DEBUG_OUTPUT, DEBUG_TILE = 8, 48
"""Voxels along an axis of a tiny network, at least: of its output in training, so that a nucleus shows, and of a tile,
so that a large volume does not take thousands."""


def architecture_of(model: Model) -> Architecture:
    """Give the architecture that ``model.architecture`` names."""
    return ARCHITECTURES[model.architecture]


def geometry(model: Model) -> Geometry:
    """Tell what the network does to the sizes of its input, by axis."""
    return architecture_of(model).geometry(model)


def tiling_of(model: Model, shape: Shape) -> Tiling:
    """Say how an image is covered with tiles of at most ``model.test_input_shape``."""
    return tile_volume(geometry(model), model.test_input_shape, shape)


def check_memory(config: Config) -> None:
    """Refuse a network of which not even the weights, or the first feature maps of a batch, fit into memory.

    Training needs several times as much in all, and may have it on a GPU.

    Raises
    ------
    InputError
        Names the keys to change.
    """
    for what, size, advice in architecture_of(config.model).memory(config.model, config.training.batch_size):
        check_bytes(what, size, advice)


def smaller(model: Model) -> dict[str, Any]:
    """Give the keys of [model] that make a tiny network for a quick look, none of them above what it was."""
    axes = geometry(model)
    train = [next(size for size in count(1) if (axis.output_size(size) or 0) >= DEBUG_OUTPUT) for axis in axes]
    test = [smallest_tileable(axis, DEBUG_TILE) for axis in axes]
    return {
        **architecture_of(model).smaller(model),
        "train_input_shape": list(map(min, model.train_input_shape, train)),
        "test_input_shape": list(map(min, model.test_input_shape, test)),
    }
