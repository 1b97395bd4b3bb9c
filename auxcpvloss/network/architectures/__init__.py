"""Networks, by name."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import count
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.config.tables import Model
from auxcpvloss.config.tables.training import SHARED
from auxcpvloss.data.untrusted.limits import GIB, check_bytes
from auxcpvloss.methods import method_of
from auxcpvloss.network.architectures.architecture import Architecture, Geometry
from auxcpvloss.network.architectures.fpn_keys import FPN
from auxcpvloss.network.architectures.networks import by_network
from auxcpvloss.network.architectures.residual_keys import RESIDUAL_UNET
from auxcpvloss.network.architectures.unet_keys import UNET
from auxcpvloss.network.mirror_images import voxels_before
from auxcpvloss.network.shapes import Shape
from auxcpvloss.network.tiling import Tiling, least_waste, smallest_tileable, tile_volume

ARCHITECTURES: dict[str, Architecture] = {"unet": UNET, "residual_unet": RESIDUAL_UNET, "fpn": FPN}

DEBUG_OUTPUT, DEBUG_TILE = 8, 48
"""Voxels along an axis of a tiny network, at least: of its output in training, so that a nucleus shows, and of a tile,
so that a large volume does not take thousands."""


def architecture_of(model: Model) -> Architecture:
    """Give the architecture that ``model.architecture`` names."""
    return ARCHITECTURES[model.architecture]


def geometry(model: Model) -> Geometry:
    """Tell what the network does to the sizes of its input, by axis."""
    return architecture_of(model).geometry(model)


def predicting(model: Model) -> Model:
    """Give the table [model] of the network that predicts: without padding, where that changes nothing."""
    return architecture_of(model).unpadded(model)


def geometry_of_prediction(config: Config) -> Geometry:
    """Tell what the network that predicts does to the sizes of its input, by axis."""
    model, needed = config.model, voxels_before(config)
    known = zip(geometry(model), geometry(predicting(model)), needed, strict=True)
    z, y, x = (
        replace(axis, aligned=axis.valid and not trained.valid, before=before) for trained, axis, before in known
    )
    return z, y, x


def tiling_of(config: Config, shape: Shape, memory: float = math.inf) -> Tiling:
    """Say how an image is covered with tiles.

    Parameters
    ----------
    config : Config
        ``model.test_input_shape`` limits the input of the network; where it is empty, ``prediction.tile_memory`` does.
    shape : (Z, Y, X)
    memory : float
        Bytes that are free, if they are less.
    """
    axes = geometry_of_prediction(config)
    return tile_volume(axes, largest_input(config, shape, memory), shape)


def largest_input(config: Config, shape: Shape, memory: float = math.inf) -> Shape:
    """Give the largest input of the network for an image, see `tiling_of`."""
    model, axes = config.model, geometry_of_prediction(config)
    if model.test_input_shape:
        z, y, x = (axis.nearest_inputs(size)[0] for axis, size in zip(axes, model.test_input_shape, strict=True))
        return z, y, x
    if fixed := architecture_of(model).fixed_input(model):
        z, y, x = (axis.nearest_inputs(fixed)[-1] for axis in axes)
        return 1 if model.ndim == 2 else z, y, x
    network, need = predicting(model), architecture_of(model).memory_of_prediction
    # Several networks may be computed at the same time.
    budget = min(config.prediction.tile_memory * GIB, memory) / number_of_networks(config)
    return least_waste(axes, shape, lambda input_shape: need(network, input_shape), budget)


def number_of_networks(config: Config) -> int:
    """Count the networks that learn the heads of the method."""
    return len(by_network(method_of(config).heads))


def is_tiled_freely(model: Model) -> bool:
    """Whether a prediction does not depend on its tiles, but for how sums are rounded."""
    return not architecture_of(model).fixed_input(model)


def check_memory(config: Config) -> None:
    """Refuse a network of which not even the weights, or the feature maps of the finest level, fit into memory.

    Training needs several times as much in all, and may have it on a GPU.

    Raises
    ------
    InputError
        Names the keys to change.
    """
    number = number_of_networks(config)
    for what, size, advice in architecture_of(config.model).least_memory(config.model, config.training.batch_size):
        fewer = f" Or train one network (model.networks = {SHARED!r}) and not {number}." if number > 1 else ""
        check_bytes(what, number * size, advice + fewer)


def smaller(model: Model) -> dict[str, Any]:
    """Give the keys of [model] that make a tiny network for a quick look, none of them above what it was."""
    axes = geometry(model)
    train = [next(size for size in count(1) if (axis.output_size(size) or 0) >= DEBUG_OUTPUT) for axis in axes]
    test = [smallest_tileable(axis, DEBUG_TILE) for axis in axes]
    return {
        **architecture_of(model).smaller(model),
        "train_input_shape": list(map(min, model.train_input_shape, train)),
        "test_input_shape": list(map(min, model.test_input_shape or test, test)),
    }
