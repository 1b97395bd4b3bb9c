"""Tables [prediction], [postprocessing], [validation] and [evaluation]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from auxcpvloss.config.tables.types import Name, NotNegative, Positive, PositiveFloat, Table, Text

PointMatching = Literal["hoefener", "linear", "greedy"]
Colors = Literal["paper", "colorblind"]


def _none_or_two(number: int) -> int:
    if number == 1:
        raise ValueError("the mean of one checkpoint is that checkpoint; use at least 2, or 0 for none")
    return number


class Prediction(Table):
    """How predictions are made and stored."""

    dtype: Literal["float32", "float16"]
    precision: Literal["training", "auto", "float32", "mixed_bfloat16"]
    tile_memory: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
    augment: Literal["none", "flips", "all"]
    ensemble: list[Text]


class Validation(Table):
    """How the best checkpoint and parameters are chosen."""

    checkpoints: list[Positive]
    average_last: Annotated[NotNegative, AfterValidator(_none_or_two)]
    param_product: bool
    refine: Literal["auto", "always", "never"]
    on_train: bool
    fold: NotNegative
    trained_models: list[Text]
    num_workers: Annotated[int, Field(ge=0, le=1000)]
    keep: Literal["scores", "instances"]


class Evaluation(Table):
    """How instances and their centers are scored."""

    do_detection: bool
    metric: Name
    detection: PointMatching
    distance_limit: PositiveFloat
    foreground_only: bool
    use_linear_sum_assignment: bool
    metrics: list[Name]
    summary: list[Name]
    colors: Colors


class Postprocessing(Table):
    """How instances are made; the method adds its parameters."""

    output_format: Literal["hdf", "zarr"]
