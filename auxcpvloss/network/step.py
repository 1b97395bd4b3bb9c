"""One step of training, compiled for the backend at hand; its results stay on the device until they are fetched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from auxcpvloss.network.deep_supervision import Level
from auxcpvloss.network.losses import Loss

Given = tuple[Any, Mapping[str, Any], Any]
"""A batch on the device, channels last: input, targets by head, and region; of whatever types it came with."""

Losses = Mapping[str, Any]
"""``loss``, and its parts where there are several: ``<head>_loss``, ``deep_loss``; numbers on the device."""


def objective(
    network: keras.Model,
    by_head: Mapping[str, Loss],
    coefficients: Mapping[str, float],
    training: bool,
    levels: Sequence[Level] = (),
) -> Callable[[Any, Mapping[str, Any], Any], dict[str, Any]]:
    """Give the function from a batch to the losses of the network: each a mean over the patches, and their sum.

    Parameters
    ----------
    network : keras.Model
    by_head : mapping of head name to loss
    coefficients : mapping of head name to float
        By which losses are multiplied in the sum.
    training : bool
        Whether layers such as batch normalization are to act as in training.
    levels : sequence of Level
        Coarser levels of the network, whose weighted losses are added up in ``deep_loss``.
    """

    def at(level: Level, outputs: Mapping[str, Any], targets: Mapping[str, Any], region: Any) -> Any:
        total, inside = 0.0, level.of_target(region)
        for head, loss in sorted(by_head.items()):
            target = ops.cast(level.of_target(targets[head]), "float32")
            by_patch = loss(target, level.of_output(outputs[level.name(head)]), inside)
            total = total + coefficients[head] * ops.mean(by_patch)
        return level.weight * total

    def losses(raw: Any, targets: Mapping[str, Any], region: Any) -> dict[str, Any]:
        outputs = network(ops.cast(raw, "float32"), training=training)
        inside, total, each = ops.cast(region, "float32"), 0.0, {}
        # By name, whatever order some backends give them back in.
        for head, loss in sorted(by_head.items()):
            by_patch = loss(ops.cast(targets[head], "float32"), outputs[head], inside)
            each[f"{head}_loss"] = ops.mean(by_patch)
            total = total + coefficients[head] * each[f"{head}_loss"]
        if levels:
            each["deep_loss"] = sum(at(level, outputs, targets, inside) for level in levels)
            total = total + each["deep_loss"]
        return {"loss": total, **(each if len(each) > 1 else {})}

    return losses


def training_step(
    network: keras.Model, losses: Callable[..., dict[str, Any]], after: Callable[[], None] | None = None
) -> Callable[..., Losses]:
    """Compile the function that changes the weights by a batch, and gives the losses before; for those not frozen now.

    Parameters
    ----------
    network : keras.Model
        With an optimizer that is built.
    losses : callable
        An `objective` of it.
    after : callable, optional
        What is done to variables of the optimizer once the weights are changed.
    """
    of_backend = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
    return of_backend[keras.backend.backend()](network, losses, after or (lambda: None))


def losses_only(network: keras.Model, losses: Callable[..., dict[str, Any]]) -> Callable[..., Losses]:
    """Compile the function that gives the losses of a batch, and changes nothing."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(losses, autograph=False)
    if backend == "jax":
        import jax

        def of(values: list[Any], *given: Any) -> dict[str, Any]:
            with keras.StatelessScope(state_mapping=list(zip(network.variables, values, strict=True))):
                return losses(*given)

        compiled = jax.jit(of)
        return lambda *given: compiled(_values(network.variables), *given)
    import torch

    return torch.no_grad()(losses)


def _tensorflow(
    network: keras.Model, losses: Callable[..., dict[str, Any]], after: Callable[[], None]
) -> Callable[..., Losses]:
    import tensorflow as tf

    optimizer, weights = network.optimizer, network.trainable_weights

    # XLA makes 3D convolutions ten times slower on a processor.
    @tf.function(jit_compile=False, autograph=False)
    def step(*given: Any) -> dict[str, Any]:
        with tf.GradientTape() as tape:
            found = losses(*given)
            loss = optimizer.scale_loss(found["loss"])
        optimizer.apply(tape.gradient(loss, weights), weights)
        after()
        return found

    return step


def _jax(
    network: keras.Model, losses: Callable[..., dict[str, Any]], after: Callable[[], None]
) -> Callable[..., Losses]:
    import jax

    optimizer: Any = network.optimizer
    parts = network.trainable_variables, network.non_trainable_variables, optimizer.variables

    def scope_of(*values: list[Any]) -> keras.StatelessScope:
        known = zip((v for part in parts for v in part), (v for part in values for v in part), strict=True)
        return keras.StatelessScope(state_mapping=list(known))

    def scaled(trained: list[Any], others: list[Any], state: list[Any], given: Any) -> tuple[Any, Any]:
        with scope_of(trained, others, state) as scope:
            found = losses(*given)
            loss = optimizer.scale_loss(found["loss"])
        return loss, (found, [scope.get_current_value(variable) for variable in parts[1]])

    # The old values are not needed beside the new ones.
    @jax.jit(donate_argnums=(0, 1, 2))
    def step(trained: list[Any], others: list[Any], state: list[Any], given: Any) -> tuple[Any, Any]:
        gradients, (found, others) = jax.grad(scaled, has_aux=True)(trained, others, state, given)
        trained, state = optimizer.stateless_apply(state, gradients, trained)
        with scope_of(trained, others, state) as scope:
            after()
            state = [scope.get_current_value(variable) for variable in parts[2]]
        return found, (trained, others, state)

    def call(*given: Any) -> Losses:
        found, changed = step(*map(_values, parts), given)
        for variables, values in zip(parts, changed, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        return found

    return call


def _torch(
    network: keras.Model, losses: Callable[..., dict[str, Any]], after: Callable[[], None]
) -> Callable[..., Losses]:
    import torch

    optimizer, weights = network.optimizer, network.trainable_weights

    def step(*given: Any) -> Losses:
        network.zero_grad()
        found = losses(*given)
        optimizer.scale_loss(found["loss"]).backward()
        with torch.no_grad():
            optimizer.apply([weight.value.grad for weight in weights], weights)
            after()
        return {name: value.detach() for name, value in found.items()}

    return step


def _values(variables: Sequence[Any]) -> list[Any]:
    return [variable.value for variable in variables]
