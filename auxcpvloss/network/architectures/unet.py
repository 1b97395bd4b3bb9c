"""The 3D U-Net (Çiçek et al. 2016), in Keras, for any backend."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import keras
from keras import layers, ops

from auxcpvloss.config.tables import Model
from auxcpvloss.methods.method import Head
from auxcpvloss.network.architectures.architecture import HEADS, at_level
from auxcpvloss.network.architectures.feature_maps import feature_maps
from auxcpvloss.network.shapes import Shape

EPSILON = 1e-5
"""Added to variances: small compared with those of dim images, unlike Keras' 1e-3."""
MOMENTUM = 0.95
"""Of the moving averages of batch normalisation: the initial values are forgotten after 100 iterations."""


def build_unet(
    model: Model,
    heads: Sequence[Head],
    input_shape: Shape,
    precision: str = "float32",
    channels: int = 1,
    predicting: bool = False,
    builder: type[Builder] | None = None,
    deep: bool = False,
) -> keras.Model:
    """U-Net with one output per head.

    Layers are named by level and direction, so that networks of different input shapes share weights by name.

    Parameters
    ----------
    model : Model
        Table [model]: levels, feature maps, kernels, padding, upsampling, normalisation. A network for images is one
        for volumes of one plane, with kernels and factors of 1 along z (`planes.convolve_by_plane`).
    heads : sequence of Head
        One 1x1x1 convolution without activation makes the channels of all of them.
    input_shape : tuple of int
        (Z, Y, X) of the input patch.
    precision : str
        Keras dtype policy of the layers; the outputs are float32.
    channels : int
        Of the input.
    predicting : bool
        Whether it is only to predict: what changes no output may save work.
    builder : type of Builder, optional
        Makes the levels; `Builder` by default.
    deep : bool
        Whether there are outputs at the coarser levels of the way up, too.

    Returns
    -------
    keras.Model
        (B, Z, Y, X, channels) -> {head name: (B, Z', Y', X', C)}.
    """
    raw = layers.Input((*input_shape, channels), name="raw")
    levels = (builder or Builder)(model, precision, predicting)
    levels.level(raw, 0)
    outputs = outputs_of(levels.features[0], heads)
    for level in range(1, len(model.downsample_factors)) if deep else ():
        outputs |= outputs_of(levels.features[level], heads, level)
    return keras.Model(raw, outputs, name=model.architecture)


def outputs_of(features: Any, heads: Sequence[Head], level: int = 0) -> dict[str, Any]:
    """Make the outputs of all heads, {name: (B, Z, Y, X, C)}, from the features of a level."""

    def named(name: str) -> str:
        return at_level(name, level) if level else name

    joint = layers.Conv3D(sum(head.channels for head in heads), 1, name=named(HEADS), dtype="float32")(features)
    ends = list(accumulate(head.channels for head in heads))[:-1]
    # The gradient of this is put together from those of the parts; of slices it would be a sum of mostly zeros.
    parts = ops.split(joint, ends or 1, axis=-1)
    return {
        named(head.name): layers.Identity(name=named(head.name), dtype="float32")(part)
        for head, part in zip(heads, parts, strict=True)
    }


class Builder:
    """Makes the levels of a U-Net: convolutions, pooling, upsampling and skip connections."""

    def __init__(self, model: Model, precision: str, predicting: bool) -> None:
        self.model, self.precision, self.predicting = model, precision, predicting
        self.down, self.up = feature_maps(model)
        self.features: dict[int, Any] = {}

    def level(self, x: Any, level: int) -> Any:
        """Everything at and below one level: (features in) -> (features out), at the level's resolution."""
        model = self.model
        if level == len(model.downsample_factors):
            self.features[level] = self.convolutions(x, f"bottom_{level}", self.down[level])
            return self.features[level]
        factors = model.downsample_factors[level]
        skip = self.convolutions(x, f"down_{level}", self.down[level])
        below = layers.MaxPooling3D(factors, name=f"pool_{level}", dtype=self.precision)(skip)
        up = self._upsample(self.level(below, level + 1), level, self.up[level], factors)
        joined = layers.Concatenate(name=f"join_{level}", dtype=self.precision)(
            [self.crop(skip, up, f"crop_{level}"), up]
        )
        self.features[level] = self.convolutions(joined, f"up_{level}", self.up[level])
        return self.features[level]

    def convolutions(self, x: Any, name: str, fmaps: int) -> Any:
        """Make the convolutions of a level on one side: (features in) -> (`fmaps` features out)."""
        for number in range(self.model.num_repetitions):
            x = self.convolution(x, name, number, fmaps, self.model.activation)
        return x

    def convolution(
        self, x: Any, name: str, number: int, fmaps: int, activation: str | None, initializer: Any = "he_normal"
    ) -> Any:
        """Make one convolution, normalized and activated."""
        model = self.model
        normalized = model.normalization != "none"
        x = layers.Conv3D(
            fmaps,
            model.kernel_size,
            padding=model.padding,
            activation=None if normalized else activation,
            # The normalisation takes a bias away, and adds one of its own.
            use_bias=not normalized,
            kernel_initializer=initializer,
            name=f"{name}_conv_{number}",
            dtype=self.precision,
        )(x)
        if not normalized:
            return x
        x = self._normalize(x, f"{name}_norm_{number}")
        if activation is None:
            return x
        return layers.Activation(activation, name=f"{name}_act_{number}", dtype=self.precision)(x)

    def _normalize(self, x: Any, name: str) -> Any:
        """Normalise over space, by group of feature maps or over the batch; in float32 whatever the precision."""
        shared: dict[str, Any] = {"epsilon": EPSILON, "name": name, "dtype": self.precision}
        if self.model.normalization == "group":
            return layers.GroupNormalization(self.model.normalization_groups, **shared)(x)
        return layers.BatchNormalization(momentum=MOMENTUM, **shared)(x)

    def _upsample(self, x: Any, level: int, fmaps: int, factors: Shape) -> Any:
        name = f"upsample_{level}"
        if self.model.upsampling == "transposed_conv":
            return layers.Conv3DTranspose(fmaps, factors, strides=factors, name=name, dtype=self.precision)(x)
        resize = layers.UpSampling3D(factors, name=name, dtype=self.precision)
        convolve = layers.Conv3D(fmaps, 1, name=f"{name}_conv", dtype=self.precision)
        # Values are the same either way. The second is faster, but adds up gradients in another order: to other bits.
        slowly = self.precision == "float32" and not self.predicting
        return convolve(resize(x)) if slowly else resize(convolve(x))

    def crop(self, skip: Any, to: Any, name: str) -> Any:
        """Cut the center of features to the size of others, which lost their border in convolutions."""
        if skip.shape[1:4] == to.shape[1:4]:
            return skip
        margins = [(a - b) // 2 for a, b in zip(skip.shape[1:4], to.shape[1:4], strict=True)]
        return layers.Cropping3D(margins, name=name, dtype=self.precision)(skip)
