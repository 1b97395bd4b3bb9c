"""Networks ready to be trained or to predict."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Config
from auxcpvloss.methods.method import Head, Method
from auxcpvloss.network.architectures.unet_layers import build_unet
from auxcpvloss.network.checkpoint import load_checkpoint
from auxcpvloss.network.losses import LOSSES
from auxcpvloss.network.optimizer import make_optimizer
from auxcpvloss.network.shapes import Shape
from auxcpvloss.system.errors import InputError


def check_precision(precision: str) -> None:
    """Refuse arithmetic that this machine does not have.

    Raises
    ------
    InputError
        The precision needs a GPU and there is none, or the processor's convolutions do not know it.
    """
    if precision == "mixed_float16" and not keras.distribution.list_devices("gpu"):
        raise InputError(
            "training.precision = 'mixed_float16' needs a GPU, and there is none. On processors use 'mixed_bfloat16' "
            "(fast on recent ones) or 'float32'."
        )
    if precision == "mixed_bfloat16":
        try:
            keras.ops.conv(keras.ops.ones((1, 3, 3, 3, 1), "bfloat16"), keras.ops.ones((3, 3, 3, 1, 1), "bfloat16"))
        # Each backend has its own kinds.
        except Exception as error:
            raise InputError(
                "training.precision = 'mixed_bfloat16': convolutions of this machine do not take it, with "
                "ONEDNN_MAX_CPU_ISA below AVX512, say. Use 'float32', or allow more instruction sets."
            ) from error


def be_deterministic(config: Config) -> None:
    """Have TensorFlow use, for ``general.deterministic``, only operations that give the same bits each time.

    For the rest of the process: TensorFlow knows no way back.
    """
    if config.general.deterministic and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def new_network(config: Config, method: Method) -> keras.Model:
    """U-Net for training; weights drawn with ``general.seed``."""
    be_deterministic(config)
    # Names count from 0 again, so that the same network is described by the same words, whatever was built before.
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(config.general.seed)
    return build_unet(config.model, method.heads, config.model.train_input_shape, config.training.precision)


def compile_network(network: keras.Model, config: Config, method: Method) -> None:
    """Give a network losses and optimizer; its weights are the ones that training begins with.

    Raises
    ------
    InputError
        No such optimizer, or an option that it does not take.
    """
    optimizer = make_optimizer(config)
    network.compile(
        optimizer=optimizer,
        loss={head.name: _loss(head) for head in method.heads},
        loss_weights={head.name: config.coefficient(head.name) for head in method.heads},
        # XLA makes 3D convolutions ten times slower on a CPU.
        jit_compile=False,
    )
    # So that a checkpoint finds the variables that it restores. Some optimizers copy the weights here.
    optimizer.build(network.trainable_variables)


def train_only(network: keras.Model, frozen: Collection[str]) -> None:
    """Freeze the layers of these names and no others.

    The optimizer stays that of all weights: it leaves those alone for which it gets no gradients.
    """
    for layer in network.layers:
        if layer.weights:
            layer.trainable = layer.name not in frozen
    network.make_train_function(force=True)


def _loss(head: Head) -> Callable[[Any, Any], Any]:
    """Keras hands a loss two tensors, so the region travels as the last channel of the target."""

    def loss(target: Any, prediction: Any) -> Any:
        return LOSSES[head.loss](target[..., :-1], prediction, target[..., -1:])

    return loss


def network_input(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """(B, 1, Z, Y, X) -> (B, Z, Y, X, 1): the one place where channels go last."""
    return np.moveaxis(raw, 1, -1)


def network_targets(targets: Mapping[str, NDArray[Any]], region: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """{head: (B, C, Z, Y, X)} and (B, 1, Z, Y, X) -> {head: (B, Z, Y, X, C + 1)}."""
    return {
        name: np.moveaxis(np.concatenate([target, region], axis=1, dtype=np.float32, casting="unsafe"), 1, -1)
        for name, target in targets.items()
    }


def prediction_network(
    config: Config, method: Method, input_shape: Shape, checkpoint: Path
) -> Callable[[NDArray[np.float32]], Mapping[str, NDArray[np.float32]]]:
    """Network of any input shape, with the weights of a checkpoint.

    Raises
    ------
    InputError
        The checkpoint is damaged, of another network, or not to be trusted.
    """
    be_deterministic(config)
    network = build_unet(config.model, method.heads, input_shape, config.training.precision)
    load_checkpoint(network, checkpoint)
    network.compile(jit_compile=False)

    def predict(raw: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        outputs: Mapping[str, NDArray[np.float32]] = network.predict_on_batch(raw)
        return outputs

    return predict
