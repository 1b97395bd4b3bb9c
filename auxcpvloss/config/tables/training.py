"""Tables [optimizer] and [training]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from auxcpvloss.config.tables.types import (
    Finite,
    Fraction,
    NotNegative,
    NotNegativeFloat,
    Positive,
    PositiveFloat,
    Table,
)

Decay = Annotated[float, Field(ge=0, lt=1)]
Angle = Annotated[float, Field(ge=-180, le=180)]
Axes = list[Annotated[int, Field(ge=0, le=2)]]


class Optimizer(Table):
    """Adam and its learning rate."""

    lr: PositiveFloat
    lr_schedule: Literal["constant", "cosine"]
    beta1: Decay
    beta2: Decay
    epsilon: PositiveFloat


class Elastic(Table):
    """Elastic deformation and rotation."""

    control_point_spacing: tuple[PositiveFloat, PositiveFloat, PositiveFloat]
    jitter_sigma: tuple[NotNegativeFloat, NotNegativeFloat, NotNegativeFloat]
    rotation_min: Angle
    rotation_max: Angle
    subsample: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Elastic:
        if self.rotation_min > self.rotation_max:
            raise ValueError("rotation_max: must not be below rotation_min")
        return self


class Intensity(Table):
    """Random change of intensities."""

    scale: tuple[NotNegativeFloat, NotNegativeFloat]
    shift: tuple[Finite, Finite]

    @model_validator(mode="after")
    def _ordered(self) -> Intensity:
        for key in ("scale", "shift"):
            low, high = getattr(self, key)
            if low > high:
                raise ValueError(f"{key}: the first number must not be above the second")
        return self


class Simple(Table):
    """Mirroring and exchange of axes."""

    mirror: Axes
    transpose: Axes


class Augmentation(Table):
    """Random changes of training patches."""

    elastic: Elastic
    intensity: Intensity
    simple: Simple


class Training(Table):
    """How long, on what, and with what the network is trained."""

    batch_size: Positive
    max_iterations: Positive
    checkpoints: Positive
    snapshots: NotNegative
    log_every: Positive
    num_workers: NotNegative
    cache_size: Positive
    p_nonempty: Fraction
    folds: list[Positive]
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"]
    augmentation: Augmentation
