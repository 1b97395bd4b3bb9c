"""Networks for other programs: of any size of the input, in float32, as Keras and as ONNX files."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from pathlib import Path

import keras

from auxcpvloss.config.tables import Config
from auxcpvloss.methods.method import Method
from auxcpvloss.network.architectures import architecture_of
from auxcpvloss.network.architectures.build import build
from auxcpvloss.network.compiled import take_weights, trained_network

OPSET = 15
"""Version of the operators of ONNX; tf2onnx writes no later one by default."""


def exported_network(config: Config, method: Method, checkpoint: Path, heads: Collection[str]) -> keras.Model:
    """Make the network of a checkpoint for inputs of any size that its geometry takes.

    Returns
    -------
    keras.Model
        (B, Z, Y, X, channels) -> a list of (B, Z', Y', X', C), one for each of the heads, in the order of the method.

    Raises
    ------
    InputError
        The checkpoint is damaged, of another network, or not to be trusted.
    """
    model, wanted = config.model, [head for head in method.heads if head.name in heads]
    trained, of_one = trained_network(config, method, checkpoint), architecture_of(model).build
    network = build(of_one, model, wanted, model.train_input_shape, "float32", method.input_channels, True)
    take_weights(network, trained, method, wanted)
    depth = 1 if model.ndim == 2 else None
    raw = keras.Input((depth, None, None, method.input_channels), name="raw")
    # Margins of crops do not depend on the size, so that the layers serve for any.
    free = keras.models.clone_model(network, input_tensors=raw)
    free.set_weights(network.get_weights())
    return keras.Model(raw, [free.output[head.name] for head in wanted], name=network.name)


def write_onnx(network: keras.Model, path: Path) -> None:
    """Write a network as ONNX; needs tf2onnx, and TensorFlow as backend."""
    signature = [keras.InputSpec(shape=(None, *network.input_shape[1:]), dtype="float32")]
    with warnings.catch_warnings():
        # Of the converter, about numpy.
        warnings.simplefilter("ignore")
        network.export(str(path), format="onnx", verbose=False, input_signature=signature, opset_version=OPSET)
