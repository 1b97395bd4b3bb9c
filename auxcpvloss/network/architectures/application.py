"""Networks of `keras.applications` as encoders of images."""

from __future__ import annotations

import re
import sys
import warnings
from collections import Counter
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from auxcpvloss.network.architectures.unet import MOMENTUM

PREFIX = "encoder_"
"""Begins the names of all layers of an encoder."""
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the intensities, 0..1, of red, green and blue in ImageNet."""


def application(name: str, weights: str | None = None) -> keras.Model:
    """Build a network of `keras.applications` without its classifier, for images of any size.

    Parameters
    ----------
    name : str
    weights : str, optional
        "imagenet": Keras downloads them. By default they are random.
    """
    with warnings.catch_warnings():
        # Of some, about sizes of images that the classifier would need.
        warnings.simplefilter("ignore")
        return getattr(keras.applications, name)(include_top=False, weights=weights, input_shape=(None, None, 3))


def application_features(name: str, raw: Any, stages: int, precision: str) -> dict[int, Any]:
    """Make the features of an image by a network of `keras.applications`.

    The network becomes one that tiles agree on: no layer loses a border, so that each stage halves sizes exactly, and
    none drops features at random. The averages of batch normalization follow as fast as in our other networks. Weights
    are those of the original, see `names_in_encoder`.

    Parameters
    ----------
    name : str
        Of `encoders.APPLICATIONS`.
    raw : tensor
        (B, 1, Y, X, C), intensities about 0..1. Of one channel, all three of the encoder are made.
    stages : int
        Y and X are divisible by 2 so many times.
    precision : str
        Dtype policy of the layers.

    Returns
    -------
    dict
        Level, 1 to `stages` -> (B, 1, Y / 2^level, X / 2^level, maps). A network whose first stages are one has no
        features at the levels in between.
    """
    original = application(name)
    names, made = names_in_encoder(original), dict[str, Any]()
    padded = {id(layer.output) for layer in original.layers if isinstance(layer, layers.ZeroPadding2D)}

    def changed(layer: Any) -> Any:
        config = {**layer.get_config(), "name": names[layer.name]}
        if isinstance(layer, layers.Normalization) and layer.input_mean is None:
            # Of EfficientNet. Keras has its statistics in the file of weights, and corrects them in another layer.
            config |= {"mean": IMAGENET_MEAN, "variance": [deviation**2 for deviation in IMAGENET_DEVIATION]}
        if config.get("padding") == "valid" and id(layer.input) not in padded:
            config["padding"] = "same"
        if isinstance(layer, layers.BatchNormalization):
            config["momentum"] = MOMENTUM
        if isinstance(layer, layers.Dropout):
            config["rate"] = 0.0
        if "dtype" in config:
            # In bfloat16, intensities of 0..255 would lose digits.
            exact = isinstance(layer, layers.Normalization | layers.Rescaling)
            config["dtype"] = "float32" if exact else precision
        made[layer.name] = type(layer).from_config(config)
        return made[layer.name]

    last_of = {level: each for level, each in _by_stage(original).items() if 0 < level <= stages}
    # Later stages might have nothing left of a small image.
    used = keras.Model(original.input, [each.output for each in last_of.values()])
    clone: Any = keras.models.clone_model
    clone(used, input_tensors=_preprocessed(name, raw), clone_function=changed)
    return {level: ops.expand_dims(made[each.name].output, 1) for level, each in last_of.items()}


def names_in_encoder(original: keras.Model) -> dict[str, str]:
    """Give the names that the layers of a network have as an encoder: the same, whatever was built before in a process.

    Keras counts up the layers of a kind that have no name of their own.
    """
    count: Counter[str] = Counter()
    names = {}
    for layer in original.operations:
        kind = re.sub(r"_\d+$", "", layer.name)
        if kind.replace("_", "") == type(layer).__name__.lower():
            count[kind] += 1
            names[layer.name] = f"{PREFIX}{kind}_{count[kind]}"
        else:
            names[layer.name] = f"{PREFIX}{layer.name}"
    return names


def _preprocessed(name: str, raw: Any) -> Any:
    """Make three channels, with the intensities that the network was trained on where 0..1 are dark and bright."""
    x = ops.squeeze(raw, axis=1)
    if raw.shape[-1] == 1:
        x = layers.Concatenate(name=f"{PREFIX}rgb", dtype="float32")([x, x, x])
    module: Any = sys.modules[getattr(keras.applications, name).__module__]
    # Of gray images it is linear, by channel.
    dark, bright = (module.preprocess_input(np.full((1, 1, 1, 3), value, np.float32)).ravel() for value in (0, 255))
    scale, offset = (bright - dark).tolist(), dark.tolist()
    return layers.Rescaling(scale, offset, name=f"{PREFIX}intensities", dtype="float32")(x)


def _by_stage(original: keras.Model) -> dict[int, Any]:
    """Choose a layer of each stage: of the last one what the network gives, of others the last of the widest.

    Stages are told apart by the product of the strides on the way. The key is its logarithm to base 2.
    """
    strides = {id(original.input): 1}
    found: dict[int, Any] = {}
    for each in original.operations:
        if isinstance(each, layers.InputLayer):
            continue
        given = each.input if isinstance(each.input, list) else [each.input]
        stride = strides[id(each.output)] = max(strides[id(x)] for x in given) * _stride(each)
        # What is padded for the next stage has another size.
        if stride and not isinstance(each, layers.ZeroPadding2D):
            level = stride.bit_length() - 1
            is_last = each is original.layers[-1]
            if is_last or level not in found or each.output.shape[-1] >= found[level].output.shape[-1]:
                found[level] = each
    return found


def _stride(operation: Any) -> int:
    """Give the factor by which a layer makes sizes smaller; 0 where no sizes are left."""
    if "Global" in type(operation).__name__:
        return 0
    strides = getattr(operation, "strides", 1)
    return int(strides if isinstance(strides, int) else strides[0])
