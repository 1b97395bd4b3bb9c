"""Convolutions that mix nothing across planes, computed as those of images."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
from keras import layers, ops


def convolve_by_plane(network: keras.Model) -> keras.Model:
    """Let the convolutions of a network whose kernels have one plane compute each plane as an image.

    Values are the same but for rounding, and weights keep their shapes. oneDNN computes the gradients of images several
    times faster than those of volumes of one plane, and with AMX it ends the process at some of the latter.

    Parameters
    ----------
    network : keras.Model
        (B, Z, Y, X, C) -> ...; its layers remain those of Keras, as do files that describe it.

    Returns
    -------
    keras.Model
        The same network.
    """
    for layer in network.layers:
        if isinstance(layer, layers.Conv3D) and is_by_plane(layer):
            # Keras documents this method as the one to replace.
            layer.convolution_op = partial(_convolved, layer)
    return network


def is_by_plane(layer: layers.Conv3D) -> bool:
    """Whether a convolution mixes nothing across planes, and something within them unless there is one plane only.

    A convolution of 1x1x1 over a volume is the same product of matrices in any case, and keeps its bits.
    """
    return layer.kernel_size[0] == 1 and (layer.input.shape[1] == 1 or layer.kernel_size != (1, 1, 1))


def _convolved(layer: layers.Conv3D, inputs: Any, kernel: Any) -> Any:
    """Convolve (B, Z, Y, X, C) with (1, Y', X', C, C')."""
    batch, depth = ops.shape(inputs)[:2]
    images = ops.reshape(inputs, (-1, *ops.shape(inputs)[2:]))
    made = ops.conv(images, ops.squeeze(kernel, 0), strides=list(layer.strides[1:]), padding=layer.padding)
    return ops.reshape(made, (batch, depth, *ops.shape(made)[1:]))
