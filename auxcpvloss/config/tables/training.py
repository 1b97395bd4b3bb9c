"""Tables [optimizer], [init] and [training]."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from auxcpvloss.config.tables.types import (
    LARGEST,
    Fraction,
    Name,
    NotNegative,
    NotNegativeFloat,
    Positive,
    PositiveFloat,
    Table,
    Text,
    Thousands,
)

# Nearer to 1 it is 1 to single precision, and what is divided by the rest no number.
Decay = Annotated[float, Field(ge=0, le=0.999999, allow_inf_nan=False)]


def _no_tables(options: dict[str, Any]) -> dict[str, Any]:
    for name, value in options.items():
        if isinstance(value, dict):
            raise ValueError(f"{name}: must be a value, not a table")
    return options


Options = Annotated[dict[str, Any], AfterValidator(_no_tables)]


class Optimizer(Table):
    """The optimizer, its learning rate, and what is done to gradients; see `network.optimizer`."""

    optimizer: Name
    lr: PositiveFloat
    lr_schedule: Literal["constant", "cosine", "plateau"]
    min_lr: NotNegativeFloat
    plateau_factor: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
    plateau_patience: Positive
    beta1: Decay
    beta2: Decay
    # Less is 0 to single precision, or nearly: a division by it gives no number.
    epsilon: Annotated[float, Field(ge=1e-15, le=LARGEST, allow_inf_nan=False)]
    clip_norm: NotNegativeFloat
    clip_value: NotNegativeFloat
    options: Options

    @model_validator(mode="after")
    def _go_together(self) -> Optimizer:
        if self.min_lr > self.lr:
            raise ValueError(f"min_lr: must not be above lr, {self.lr:g}")
        if self.clip_norm and self.clip_value:
            raise ValueError("clip_value: gradients are clipped by norm or by value, not both; one of them must be 0")
        return self


class Init(Table):
    """Weights that the training begins with."""

    checkpoint: Text
    match: list[Name]
    skip: list[Name]
    freeze_iterations: NotNegative


class Augmentation(Table):
    """Random changes of training patches: a table each, see the package `augment`."""

    one_of: list[list[Name]]


class Training(Table):
    """How long, on what, and with what the network is trained."""

    batch_size: Thousands
    max_iterations: Positive
    checkpoints: Positive
    snapshots: NotNegative
    log_every: Positive
    num_workers: Annotated[int, Field(ge=0, le=1000)]
    cache_size: Positive
    p_nonempty: Fraction
    validation_batches: NotNegative
    early_stop: NotNegative
    folds: list[Positive]
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"]
    augmentation: Augmentation
