"""What predicts volumes: one network or several, of an image and perhaps of its mirror images."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from auxcpvloss.config.units import Vector
from auxcpvloss.experiment.ensemble import Member
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.trained_on import recorded_voxel_sizes, training_voxel_sizes
from auxcpvloss.methods.transforms import Transform
from auxcpvloss.network.architectures import geometry_of_prediction, tiling_of
from auxcpvloss.network.mirror_images import transforms_of
from auxcpvloss.network.shapes import Shape
from auxcpvloss.network.tiling import Tiling, tile_together
from auxcpvloss.pipeline.averaged import over_mirror_images, over_networks
from auxcpvloss.pipeline.scan import Network


def mirror_images(experiment: Experiment) -> list[Transform]:
    """Give the mirror images of which the predictions are averaged; the first is the image itself."""
    config = experiment.config
    if config.prediction.augment == "none":
        return [Transform()]
    sizes: list[Vector] = recorded_voxel_sizes(experiment) or training_voxel_sizes(experiment)
    size = next(iter(sizes), config.data.voxel_size or None)
    return transforms_of(config, geometry_of_prediction(config), size)


def tilings_of(members: Sequence[Member], shape: Shape, memory: float = math.inf) -> list[Tiling]:
    """Say how each network covers an image with tiles, which are the same for all; see `tiling_of`."""
    configs = [member.experiment.config for member in members]
    tilings = [tiling_of(config, shape, memory) for config in configs]
    return tile_together(list(map(geometry_of_prediction, configs)), tilings, shape)


def predictor(
    members: Sequence[Member], tilings: Sequence[Tiling], heads: Collection[str], precisions: Sequence[str]
) -> Network:
    """Make what predicts some heads, by name, of the tiles of `joint_tiling`.

    Parameters
    ----------
    members : sequence of Member
    tilings : sequence of Tiling
    heads : collection of str
    precisions : sequence of str
        Dtype policy, one a member.

    Raises
    ------
    InputError
        A checkpoint is missing, damaged, of another network, or not to be trusted.
    """
    from auxcpvloss.network.compiled import prediction_networks

    wanted = [head for head in members[0].experiment.method.heads if head.name in heads]
    found = []
    for member, tiling, precision in zip(members, tilings, precisions, strict=True):
        experiment = member.experiment
        path = experiment.checkpoints.need(member.checkpoint)
        networks = prediction_networks(experiment.config, experiment.method, path, heads, precision)
        found.append(over_mirror_images(networks, tiling.input_shape, wanted, mirror_images(experiment)))
    return over_networks(found, tilings, wanted)


def passes(experiment: Experiment) -> str:
    """Say how often each tile is computed; "" where it is once."""
    table, words = experiment.config.prediction, []
    if table.augment != "none":
        images = len(mirror_images(experiment))
        words.append(f"{images} mirror images of each tile (prediction.augment = {table.augment!r})")
    if table.ensemble:
        words.append(f"{len(table.ensemble)} networks (prediction.ensemble)")
    return " x ".join(words)
