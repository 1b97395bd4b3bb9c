"""Begin with the weights of an encoder of `keras.applications`: those that Keras downloads, or those of a file."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import keras
import numpy as np

from auxcpvloss.config.tables import Model
from auxcpvloss.network.architectures.application import PREFIX, application, names_in_encoder
from auxcpvloss.network.architectures.encoders import IMAGENET, encoder_of
from auxcpvloss.network.initial import Loaded
from auxcpvloss.network.keras_files import check_weights_file
from auxcpvloss.system.errors import InputError


def take_encoder(network: keras.Model, model: Model, path: Path) -> Loaded:
    """Load the weights of the encoder, or of the stages of it that the network has.

    Parameters
    ----------
    network : keras.Model
    model : Model
    path : Path
        A file of weights, or "imagenet" for those that Keras downloads, of which the checksum is told.

    Raises
    ------
    InputError
        The download failed; or there is no such file, or it is not one of the weights of this encoder.
    """
    is_downloaded = str(path) == IMAGENET
    original = _downloaded(encoder_of(model)) if is_downloaded else _from_file(encoder_of(model), path)
    names, loaded = names_in_encoder(original), Loaded()
    stored = {names[layer.name]: layer.get_weights() for layer in original.layers}
    for layer in network.layers:
        # Of several networks, each has an encoder.
        _, is_encoder, name = layer.name.partition(PREFIX)
        if layer.weights and is_encoder:
            layer.set_weights(stored[PREFIX + name])
            loaded.layers.append(layer.name)
            loaded.weights += sum(weight.size for weight in stored[PREFIX + name])
        elif layer.weights:
            loaded.left[layer.name] = "not of the encoder"
    loaded.checksum = _checksum(original.get_weights()) if is_downloaded else ""
    return loaded


def _downloaded(encoder: str) -> keras.Model:
    try:
        return application(encoder, IMAGENET)
    except Exception as error:  # Keras raises it itself.
        why = str(error).partition("\n")[0].rstrip(".")
        raise InputError(
            f"init.encoder_weights: the weights of {encoder} for {IMAGENET!r} cannot be downloaded ({why}).",
            "Download the file of that address with another machine, and set init.encoder_weights to its path here; or "
            "set it to '' for random weights.",
        ) from error


def _from_file(encoder: str, path: Path) -> keras.Model:
    """Build the network of `keras.applications` with the weights of a file."""
    try:
        check_weights_file(path)
        original = application(encoder)
        original.load_weights(str(path))
    except FileNotFoundError:
        raise InputError(f"init.encoder_weights: {path}: no such file.") from None
    except Exception as error:  # Keras raises all kinds of errors.
        why = str(error).strip().partition("\n")[0].rstrip(".")
        raise InputError(
            f"init.encoder_weights: {path} does not hold the weights of {encoder} without its classifier "
            f"(include_top=False): {why}."
        ) from error
    return original


def _checksum(weights: Iterable[Any]) -> str:
    digest = sha256()
    for weight in weights:
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()
