"""The encoders of feature pyramids, by name, and the keys of [model] that pyramids add."""

from __future__ import annotations

from typing import Any

from auxcpvloss.config.tables import Model
from auxcpvloss.config.tables.types import Name, Thousands

RESIDUAL = "residual"
"""The encoder of the residual U-Net."""
APPLICATIONS = (
    "DenseNet121", "DenseNet169", "DenseNet201", *(f"EfficientNetB{number}" for number in range(8)), "EfficientNetV2B0",
    "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3", "EfficientNetV2L", "EfficientNetV2M", "EfficientNetV2S",
    "InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small", "ResNet101",
    "ResNet101V2", "ResNet152", "ResNet152V2", "ResNet50", "ResNet50V2", "VGG16", "VGG19", "Xception",
)  # fmt: skip
"""Encoders of `keras.applications`: all but NASNet, whose stages do not halve sizes exactly, and ConvNeXt, which has
networks for layers."""

IMAGENET = "imagenet"
"""What ``init.encoder_weights`` calls the weights that Keras downloads."""

KEYS: dict[str, Any] = {"encoder": (Name, RESIDUAL), "pyramid_fmaps": (Thousands, 32)}


def encoder_of(model: Model) -> str:
    """Give the name of the encoder; "" for other architectures."""
    return str(model.model_dump(include={"encoder"}).get("encoder", ""))


def is_application(model: Model) -> bool:
    """Whether the encoder is one of `keras.applications`."""
    return encoder_of(model) not in ("", RESIDUAL)


def pyramid_fmaps(model: Model) -> int:
    """Give the number of feature maps of every level of the pyramid."""
    return int(model.model_dump(include={"pyramid_fmaps"})["pyramid_fmaps"])
