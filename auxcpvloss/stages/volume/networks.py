"""The network that predicts volumes, and how often it computes each tile."""

from __future__ import annotations

from collections.abc import Collection

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.trained_on import recorded_voxel_sizes, training_voxel_sizes
from auxcpvloss.methods.transforms import Transform
from auxcpvloss.network.architectures import geometry_of_prediction
from auxcpvloss.network.mirror_images import transforms_of
from auxcpvloss.network.shapes import Shape
from auxcpvloss.pipeline.scan import Network


def mirror_images(experiment: Experiment) -> list[Transform]:
    """Give the mirror images of which the predictions are averaged; the first is the image itself."""
    config = experiment.config
    if config.prediction.augment == "none":
        return [Transform()]
    sizes = recorded_voxel_sizes(experiment) or training_voxel_sizes(experiment)
    size = next(iter(sizes), config.data.voxel_size or None)
    return transforms_of(config, geometry_of_prediction(config), size)


def network_for(
    experiment: Experiment, checkpoint: int, input_shape: Shape, heads: Collection[str], precision: str
) -> Network:
    """Make the network that predicts some heads, by name, in an arithmetic.

    Raises
    ------
    InputError
        The checkpoint is missing, damaged, of another network, or not to be trusted.
    """
    from auxcpvloss.network.compiled import prediction_networks
    from auxcpvloss.pipeline.averaged import over_mirror_images

    config, method, path = experiment.config, experiment.method, experiment.need_checkpoint(checkpoint)
    networks = prediction_networks(config, method, path, heads, precision)
    wanted = [head for head in method.heads if head.name in heads]
    return over_mirror_images(networks, input_shape, wanted, mirror_images(experiment))


def passes(experiment: Experiment) -> str:
    """Say how often each tile is computed; "" where it is once."""
    number, kind = len(mirror_images(experiment)), experiment.config.prediction.augment
    return f"{number} mirror images of each tile (prediction.augment = {kind!r})" if number > 1 else ""
