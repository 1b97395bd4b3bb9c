"""What differs between the libraries that Keras computes with, where a network is compiled and trained."""

from __future__ import annotations

from typing import Any

import keras

from auxcpvloss.system.processors import usable_cores


def jit_compile() -> bool:
    """Whether networks are compiled by XLA: always on JAX, which is slow without.

    On TensorFlow it makes 3D convolutions ten times slower on a processor; PyTorch has another compiler.
    """
    return keras.backend.backend() == "jax"


def widest_float() -> str:
    """Name the type of most digits that variables can have; JAX has the others for the whole process or not at all."""
    return "float32" if keras.backend.backend() == "jax" else "float64"


def be_deterministic() -> None:
    """Use, for the rest of the process, only operations that give the same bits each time.

    There is no way back. XLA is told so by a variable, see `system.backends`.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif name == "torch":
        import torch

        # The gradient of pooling in three dimensions has no such form on GPUs.
        torch.use_deterministic_algorithms(True, warn_only=True)


def limit_threads() -> None:
    """Start no more threads than the quotas of this process allow; the other libraries read it from variables."""
    if keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(min(torch.get_num_threads(), usable_cores()))


def apply_to_trained(network: keras.Model) -> None:
    """Have the optimizer take the gradients of the trained variables alone, where others are frozen.

    It was built for all, so that checkpoints hold the same whatever is frozen. On TensorFlow and PyTorch it leaves
    those alone for which it gets no gradient; on JAX, Keras insists on a gradient for each.
    """
    if keras.backend.backend() != "jax":
        return
    optimizer: Any = network.optimizer
    trained = network.trainable_variables

    def stateless_apply(state: list[Any], gradients: list[Any], values: list[Any]) -> tuple[list[Any], list[Any]]:
        before = [*zip(trained, values, strict=True), *zip(optimizer.variables, state, strict=True)]
        with keras.StatelessScope(state_mapping=before) as scope:
            optimizer.apply(gradients, trained)
        after = [scope.get_current_value(variable) for variable, _ in before]
        return after[: len(trained)], after[len(trained) :]

    optimizer.stateless_apply = stateless_apply
