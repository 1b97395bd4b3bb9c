"""Networks ready to be trained or to predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Config, Optimizer
from auxcpvloss.errors import InputError
from auxcpvloss.methods.method import Head, Method
from auxcpvloss.network.shapes import Shape
from auxcpvloss.network.unet import build_unet


def training_network(config: Config, method: Method) -> keras.Model:
    """U-Net with losses and optimizer; weights drawn with ``general.seed``.

    Raises
    ------
    InputError
        The precision needs a GPU and there is none.
    """
    if config.training.precision == "mixed_float16" and not keras.distribution.list_devices("gpu"):
        raise InputError(
            "training.precision = 'mixed_float16' needs a GPU, and there is none. On processors use 'mixed_bfloat16' "
            "(fast on recent ones) or 'float32'."
        )
    keras.utils.set_random_seed(config.general.seed)
    network = build_unet(config.model, method.heads, config.model.train_input_shape, config.training.precision)
    optimizer = _optimizer(config.optimizer, config.training.max_iterations)
    if config.training.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    network.compile(
        optimizer=optimizer,
        loss={head.name: _loss(head) for head in method.heads},
        loss_weights={head.name: config.coefficient(head.name) for head in method.heads},
        # XLA makes 3D convolutions ten times slower on a CPU.
        jit_compile=False,
    )
    # So that a checkpoint finds the variables that it restores.
    optimizer.build(network.trainable_variables)
    return network


def _optimizer(table: Optimizer, iterations: int) -> keras.optimizers.Optimizer:
    rate: Any = table.lr
    if table.lr_schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(table.lr, iterations)
    return keras.optimizers.Adam(rate, beta_1=table.beta1, beta_2=table.beta2, epsilon=table.epsilon)


def _loss(head: Head) -> Callable[[Any, Any], Any]:
    """Keras hands a loss two tensors, so the region travels as the last channel of the target."""

    def loss(target: Any, prediction: Any) -> Any:
        return head.loss(target[..., :-1], prediction, target[..., -1:])

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
    """Network of any input shape, with the weights of a checkpoint."""
    network = build_unet(config.model, method.heads, input_shape, config.training.precision)
    network.load_weights(checkpoint)
    network.compile(jit_compile=False)

    def predict(raw: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        outputs: Mapping[str, NDArray[np.float32]] = network.predict_on_batch(raw)
        return outputs

    return predict
