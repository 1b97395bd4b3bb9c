"""The feature pyramid network in Keras, for two and three dimensions.

The top-down pathway copies coarse features to finer levels, as in Lin et al., "Feature Pyramid Networks for Object
Detection", CVPR 2017. As in Kirillov et al., "Panoptic Feature Pyramid Networks", CVPR 2019, all levels are then
interpolated to the finest one and added up; here the finest one has the resolution of the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import layers

from auxcpvloss.config.tables import Model
from auxcpvloss.methods.method import Head
from auxcpvloss.network.architectures.application import application_features
from auxcpvloss.network.architectures.encoders import encoder_of, is_application, pyramid_fmaps
from auxcpvloss.network.architectures.residual_unet import ResidualBuilder
from auxcpvloss.network.architectures.unet import outputs_of
from auxcpvloss.network.shapes import Shape

Features = Mapping[int, Any]
"""Features by level: 0 has the resolution of the input."""


def build_fpn(
    model: Model,
    heads: Sequence[Head],
    input_shape: Shape,
    precision: str = "float32",
    channels: int = 1,
    predicting: bool = False,
) -> keras.Model:
    """Feature pyramid network with one output per head, at the resolution of the input.

    Weights are random, whatever the encoder: nothing is downloaded. Parameters and result are as of `unet.build_unet`.
    """
    raw = layers.Input((*input_shape, channels), name="raw")
    pyramid = Pyramid(model, precision, predicting)
    if is_application(model):
        features: Features = application_features(encoder_of(model), raw, len(model.downsample_factors), precision)
    else:
        features = pyramid.encoded(raw)
    return keras.Model(raw, outputs_of(pyramid.merged(features), heads), name=model.architecture)


class Pyramid(ResidualBuilder):
    """Makes the encoder of the residual U-Net, whose layers have the same names, and the pyramid over any encoder."""

    def encoded(self, raw: Any) -> Features:
        """Make the way down of the residual U-Net."""
        x, features, factors = raw, {}, self.model.downsample_factors
        for level, factor in enumerate(factors):
            features[level] = self.convolutions(x, f"down_{level}", self.down[level])
            pool = layers.MaxPooling3D(factor, name=f"pool_{level}", dtype=self.precision)
            x = pool(features[level])
        bottom = len(factors)
        return {**features, bottom: self.convolutions(x, f"bottom_{bottom}", self.down[bottom])}

    def merged(self, features: Features) -> Any:
        """Make the pyramid of features, of which some levels may lack, and add up its levels at the finest one."""
        maps, activation = pyramid_fmaps(self.model), self.model.activation
        top = total = None
        for level in reversed(range(len(self.model.downsample_factors) + 1)):
            if total is not None:
                top, total = self._resized(top, f"top_down_{level}", level), self._smooth(total, level)
            if level not in features:
                continue
            lateral = layers.Conv3D(maps, 1, name=f"lateral_{level}", dtype=self.precision)(features[level])
            top = self._added(top, lateral, f"pyramid_{level}_sum")
            total = self._added(total, self.convolution(top, f"pyramid_{level}", 0, maps, activation), f"merge_{level}")
        return self.convolution(total, "merged", 0, maps, activation)

    def _added(self, one: Any, other: Any, name: str) -> Any:
        return other if one is None else layers.Add(name=name, dtype=self.precision)([one, other])

    def _resized(self, x: Any, name: str, level: int) -> Any:
        factors = self.model.downsample_factors[level]
        return layers.UpSampling3D(factors, name=name, dtype=self.precision)(x)

    def _smooth(self, x: Any, level: int) -> Any:
        """Interpolate to the next finer level, with the means of neighbors of what is copied."""
        window = [factor // 2 * 2 + 1 for factor in self.model.downsample_factors[level]]
        mean = layers.AveragePooling3D(window, 1, "same", name=f"smooth_{level}", dtype=self.precision)
        return mean(self._resized(x, f"upsample_{level}", level))
