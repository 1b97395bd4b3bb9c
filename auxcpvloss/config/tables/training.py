"""Tables [model], [optimizer], [init] and [training]."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from auxcpvloss.config.tables.augmentation import Augmentation
from auxcpvloss.config.tables.types import (
    LARGEST,
    Fraction,
    Hundreds,
    Name,
    NotNegative,
    NotNegativeFloat,
    Positive,
    PositiveFloat,
    Shape,
    Table,
    Text,
    Thousands,
)

SHARED, SEPARATE = "shared", "separate"
"""Values of ``model.networks``."""

MOST_LEVELS = 10
Few = Annotated[int, Field(gt=0, le=100)]
Factors = Annotated[list[Few], Field(max_length=MOST_LEVELS)]

# Larger values round to 1 in single precision, and the division by 1 - decay gives NaN.
Decay = Annotated[float, Field(ge=0, le=0.999999, allow_inf_nan=False)]


def _none_or_three(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) not in (0, 3):
        raise ValueError(f"needs a size for every axis, or none to have it chosen; got {len(shape)}")
    return shape


TestShape = Annotated[tuple[Thousands, ...], AfterValidator(_none_or_three)]


def _no_tables(options: dict[str, Any]) -> dict[str, Any]:
    for name, value in options.items():
        if isinstance(value, dict):
            raise ValueError(f"{name}: must be a value, not a table")
    return options


Options = Annotated[dict[str, Any], AfterValidator(_no_tables)]


class Model(Table):
    """The method and its network."""

    method: Name
    auxiliary: list[Name]
    architecture: Name
    networks: Literal["shared", "separate"]
    ndim: Literal[2, 3]
    train_input_shape: Shape
    test_input_shape: TestShape
    num_fmaps: Thousands
    fmap_inc_factors: Factors
    fmap_dec_factors: Factors
    downsample_factors: Annotated[list[tuple[Few, Few, Few]], Field(max_length=MOST_LEVELS)]
    kernel_size: tuple[Few, Few, Few]
    num_repetitions: Few
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "selu", "silu"]
    normalization: Literal["none", "group", "batch"]
    normalization_groups: Hundreds
    padding: Literal["valid", "same"]
    upsampling: Literal["resize_conv", "transposed_conv"]


class Optimizer(Table):
    """The optimizer, its learning rate and gradient clipping; see `network.optimizer`."""

    optimizer: Name
    lr: PositiveFloat
    lr_schedule: Literal["constant", "cosine", "plateau"]
    warmup: NotNegative
    min_lr: NotNegativeFloat
    plateau_factor: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
    plateau_patience: Positive
    beta1: Decay
    beta2: Decay
    # Smaller values round to 0 in single precision, or nearly: dividing by them gives NaN.
    epsilon: Annotated[float, Field(ge=1e-15, le=LARGEST, allow_inf_nan=False)]
    clip_norm: NotNegativeFloat
    clip_value: NotNegativeFloat
    accumulate: Thousands
    average: Decay
    options: Options

    @model_validator(mode="after")
    def _go_together(self) -> Optimizer:
        if self.min_lr > self.lr:
            raise ValueError(f"min_lr: must not be above lr, {self.lr:g}")
        if self.warmup and self.lr_schedule == "plateau":
            raise ValueError("warmup: cannot be combined with lr_schedule = 'plateau'; use another one, or 0")
        if self.clip_norm and self.clip_value:
            raise ValueError("clip_value: cannot be combined with clip_norm; set one of them to 0")
        return self


class Init(Table):
    """Initial weights."""

    checkpoint: Text
    match: list[Name]
    skip: list[Name]
    encoder_weights: Text
    freeze_iterations: NotNegative


class Training(Table):
    """How the network is trained."""

    batch_size: Thousands
    max_iterations: Positive
    checkpoints: Positive
    snapshots: NotNegative
    log_every: Positive
    profiling: NotNegative
    num_workers: Annotated[int, Field(ge=-1, le=1000)]
    cache_size: Positive
    p_nonempty: Fraction
    sampling: Literal["volumes", "nuclei"]
    class_loss: Literal["cross_entropy", "focal", "dice", "cross_entropy+dice"]
    class_balance: Literal["patch", "data", "none"]
    focal_gamma: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
    deep_supervision: bool
    validation_batches: NotNegative
    early_stop: NotNegative
    folds: list[Positive]
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"]
    augmentation: Augmentation
