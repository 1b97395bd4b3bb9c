"""Build the networks of some heads: one, or several that share nothing but their input, as one `keras.Model`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import keras

from auxcpvloss.config.tables import Model
from auxcpvloss.methods.method import Head
from auxcpvloss.network.architectures.networks import by_network, network_of, prefix
from auxcpvloss.network.architectures.planes import convolve_by_plane


def build(of_one: Callable[..., keras.Model], model: Model, heads: Sequence[Head], *how: Any) -> keras.Model:
    """Build the networks that make some heads; those of other heads are left out.

    One file holds the weights of all of them. In a sum of the losses of the heads, the gradient by the weights of a
    network is that of its own heads alone.

    Parameters
    ----------
    of_one : callable
        `Architecture.build` or `Architecture.build_deep`.
    model : Model
    heads : sequence of Head
    *how
        The other arguments of `of_one`.

    Returns
    -------
    keras.Model
        As of `of_one`. The names of layers begin with that of their network and an underscore, where it has one.
    """
    parts = {network: of_one(model, of, *how) for network, of in by_network(heads).items()}
    return convolve_by_plane(parts[""] if list(parts) == [""] else _joined(parts))


def _joined(parts: Mapping[str, keras.Model]) -> keras.Model:
    """Join networks of the same input; their layers are made again with other names, and get the same weights."""
    first = next(iter(parts.values()))
    raw = keras.Input(batch_shape=first.input.shape, dtype=first.input.dtype, name=first.input.name)
    outputs: dict[str, Any] = {}
    for network, part in parts.items():
        renamed = partial(_renamed, prefix(network))
        outputs |= keras.models.clone_model(part, input_tensors=raw, clone_function=renamed).output
    joined = keras.Model(raw, outputs, name=first.name)
    for network, part in parts.items():
        for layer in part.layers:
            if layer.weights:
                joined.get_layer(prefix(network) + layer.name).set_weights(layer.get_weights())
    return joined


def _renamed(before: str, layer: Any) -> Any:
    config = layer.get_config()
    return type(layer).from_config({**config, "name": before + config["name"]})


def weights_by_network(network: keras.Model, heads: Sequence[Head]) -> dict[str, list[keras.Variable]]:
    """Group the weights of what `build` gives by the network that they belong to."""
    found: dict[str, list[keras.Variable]] = {}
    for layer in network.layers:
        found.setdefault(network_of(layer.name, heads), []).extend(layer.weights)
    return found
