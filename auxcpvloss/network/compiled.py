"""Networks ready to be trained or to predict. Here alone channels go last; everywhere else they are (B, C, Z, Y, X)."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Config
from auxcpvloss.methods.method import Head, Method
from auxcpvloss.network.architectures import architecture_of, predicting
from auxcpvloss.network.architectures.build import build, weights_by_network
from auxcpvloss.network.architectures.networks import joint_layers
from auxcpvloss.network.backend import apply_to_trained, be_deterministic, jit_compile, limit_threads
from auxcpvloss.network.batch import Batch
from auxcpvloss.network.checkpoint import load_checkpoint
from auxcpvloss.network.optimizer import make_optimizer
from auxcpvloss.network.shapes import Shape
from auxcpvloss.network.step import Given
from auxcpvloss.system.backends import gpus, hidden
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.keras_settings import use_own_settings
from auxcpvloss.system.processors import has_bfloat16

Predict = Callable[[NDArray[np.float32]], Mapping[str, NDArray[np.float32]]]
"""(B, C, Z, Y, X) -> {head: (B, C, Z', Y', X')}."""


def is_made_for_bfloat16() -> bool:
    """Whether convolutions in bfloat16 are faster on this machine: on a GPU, or by instructions of the processor."""
    return bool(gpus()) or (keras.backend.backend() == "tensorflow" and has_bfloat16(os.environ))


def check_precision(precision: str, key: str = "training.precision") -> None:
    """Refuse arithmetic, which a key asks for, that this machine does not have.

    Raises
    ------
    InputError
        The precision needs a GPU and there is none, or the processor's convolutions do not know it.
    """
    if precision == "mixed_float16" and not gpus():
        raise InputError(
            f"{key} = 'mixed_float16' needs a GPU, but there is none. On CPUs, use 'mixed_bfloat16' "
            "(fast on recent ones) or 'float32'."
        )
    if precision == "mixed_bfloat16":
        try:
            keras.ops.conv(keras.ops.ones((1, 3, 3, 3, 1), "bfloat16"), keras.ops.ones((3, 3, 3, 1, 1), "bfloat16"))
        # Each backend has its own kinds.
        except Exception as error:
            raise InputError(
                f"{key} = 'mixed_bfloat16': convolutions on this machine do not support it, perhaps "
                "because ONEDNN_MAX_CPU_ISA is below AVX512. Use 'float32', or allow more instruction sets."
            ) from error


def build_network(config: Config, method: Method, shape: Shape) -> keras.Model:
    """Build the network of training for an input of (Z, Y, X) voxels, with weights drawn at random.

    Raises
    ------
    InputError
        The caller imported Keras with another backend.
    """
    use_own_settings(config.general.backend)
    if config.general.deterministic:
        be_deterministic()
    limit_threads()
    model, architecture = config.model, architecture_of(config.model)
    how = (model, method.heads, shape, config.training.precision, method.input_channels)
    if config.training.deep_supervision and architecture.build_deep:
        return build(architecture.build_deep, *how)
    return build(architecture.build, *how, False)


def build_for_prediction(
    config: Config, method: Method, shape: Shape, heads: Sequence[Head], precision: str
) -> keras.Model:
    """Build the network that predicts some heads of an input of (Z, Y, X) voxels, with weights drawn at random."""
    model = predicting(config.model)
    return build(architecture_of(model).build, model, heads, shape, precision, method.input_channels, True)


def new_network(config: Config, method: Method) -> keras.Model:
    """Build the network for training, its weights drawn with ``general.seed``."""
    # Names count from 0 again, so that the same network is described by the same words, whatever was built before.
    keras.utils.clear_session(free_memory=False)
    # It would import TensorFlow whatever the backend is.
    with hidden():
        keras.utils.set_random_seed(config.general.seed)
    return build_network(config, method, config.model.train_input_shape)


def compile_network(network: keras.Model, config: Config, heads: Sequence[Head]) -> None:
    """Give a network of some heads its optimizer; its weights are the ones that training begins with.

    Raises
    ------
    InputError
        No such optimizer, or an option that it does not take.
    """
    optimizer = make_optimizer(config, list(weights_by_network(network, heads).values()))
    # Keras is told how it compiles predictions; `network.step` compiles steps.
    network.compile(optimizer=optimizer, jit_compile=jit_compile())
    # So that a checkpoint finds the variables that it restores. Some optimizers copy the weights here.
    optimizer.build(network.trainable_variables)


def train_only(network: keras.Model, frozen: Collection[str]) -> None:
    """Freeze the layers of these names and no others.

    The optimizer stays that of all weights: it leaves those alone for which it gets no gradients.
    """
    for layer in network.layers:
        if layer.weights:
            layer.trainable = layer.name not in frozen
    apply_to_trained(network)


def arguments(network: keras.Model, batch: Batch) -> Given:
    """Give a batch, on the device, as the steps of a network take it; in the types that it has."""
    targets = {name: _on_device(target) for name, target in batch.targets.items() if name in network.output}
    return _on_device(batch.raw), targets, _on_device(batch.region)


def _on_device(array: NDArray[Any]) -> Any:
    """Give (B, C, Z, Y, X) as a tensor, (B, Z, Y, X, C)."""
    return keras.ops.moveaxis(keras.ops.convert_to_tensor(array), 1, -1)


def predict(network: keras.Model, raw: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
    """Predict: (B, C, Z, Y, X) -> {head: (B, C, Z', Y', X')}."""
    outputs = network.predict_on_batch(np.moveaxis(raw, 1, -1))
    return {name: np.moveaxis(np.asarray(output), -1, 1) for name, output in outputs.items()}


def is_finite(network: keras.Model) -> bool:
    """Whether all weights are numbers."""
    return all(np.isfinite(keras.ops.convert_to_numpy(weight)).all() for weight in network.weights)


def prediction_network(
    config: Config,
    method: Method,
    input_shape: Shape,
    checkpoint: Path,
    heads: Collection[str] | None = None,
    precision: str | None = None,
) -> Predict:
    """Make a network of any input shape, with the weights of a checkpoint.

    Parameters
    ----------
    config : Config
    method : Method
    input_shape : (Z, Y, X)
        Such as `tiling_of` gives.
    checkpoint : Path
    heads : collection of str, optional
        Names of the heads that are computed; all by default.
    precision : str, optional
        Dtype policy; that of the training by default.

    Raises
    ------
    InputError
        The checkpoint is damaged, of another network, or not to be trusted.
    """
    return prediction_networks(config, method, checkpoint, heads, precision)(input_shape)


def prediction_networks(
    config: Config,
    method: Method,
    checkpoint: Path,
    heads: Collection[str] | None = None,
    precision: str | None = None,
) -> Callable[[Shape], Predict]:
    """Make networks of several input shapes from one reading of a checkpoint, see `prediction_network`."""
    trained = trained_network(config, method, checkpoint)
    wanted = [head for head in method.heads if heads is None or head.name in heads]

    def make(input_shape: Shape) -> Predict:
        network = build_for_prediction(config, method, input_shape, wanted, precision or config.training.precision)
        take_weights(network, trained, method, wanted)
        network.compile(jit_compile=jit_compile())
        return partial(predict, network)

    return make


def trained_network(config: Config, method: Method, checkpoint: Path) -> keras.Model:
    """Give the network of training with the weights of a checkpoint; errors as of `prediction_network`."""
    network = build_network(config, method, config.model.train_input_shape)
    load_checkpoint(network, checkpoint)
    return network


def take_weights(network: keras.Model, trained: keras.Model, method: Method, heads: Sequence[Head]) -> None:
    """Give a network that predicts the weights of the trained one, by layer; of the joint heads those that it has."""
    joint, wanted = joint_layers(method.heads), [head.name for head in heads]
    for layer in network.layers:
        weights = trained.get_layer(layer.name).get_weights() if layer.weights else []
        if of_layer := joint.get(layer.name):
            channels = np.repeat([head.name for head in of_layer], [head.channels for head in of_layer])
            weights = [each[..., np.isin(channels, wanted)] for each in weights]
        layer.set_weights(weights)
