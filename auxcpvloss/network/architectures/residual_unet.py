"""The U-Net of residual blocks (after He et al. 2016, and Lee et al. 2017 in three dimensions), in Keras."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from auxcpvloss.network.architectures.unet import Builder


class ResidualBuilder(Builder):
    """Makes levels whose convolutions add to what they are given, which goes past them in a shortcut."""

    def convolutions(self, x: Any, name: str, fmaps: int) -> Any:
        """Make a block: (features in) -> activation of (convolutions of them + shortcut)."""
        model, y = self.model, x
        last = model.num_repetitions - 1
        for number in range(last):
            y = self.convolution(y, name, number, fmaps, model.activation)
        y = self.convolution(y, name, last, fmaps, None, _half())
        shortcut = self.crop(x, y, f"{name}_shortcut_crop")
        if shortcut.shape[-1] != fmaps:
            project = layers.Conv3D(
                fmaps, 1, use_bias=False, kernel_initializer=_half(), name=f"{name}_shortcut", dtype=self.precision
            )
            shortcut = project(shortcut)
        total = layers.Add(name=f"{name}_sum", dtype=self.precision)([y, shortcut])
        return layers.Activation(model.activation, name=f"{name}_act", dtype=self.precision)(total)


def _half() -> Any:
    """Make an initializer by which the sum of two outputs varies no more than what the block is given.

    One for each layer: of a shared one Keras writes the address in memory into the file.
    """
    return keras.initializers.VarianceScaling(1.0)
