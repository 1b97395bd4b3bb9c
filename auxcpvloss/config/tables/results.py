"""Tables [prediction], [postprocessing], [validation] and [evaluation]."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Literal

from pydantic import field_validator

from auxcpvloss.config.tables.types import NotNegative, Positive, Table
from auxcpvloss.metrics import metric_paths


class Prediction(Table):
    """How predictions are stored."""

    dtype: Literal["float32", "float16"]


class Validation(Table):
    """What is tried to find the best checkpoint and parameters."""

    checkpoints: list[Positive]
    param_product: bool
    on_train: bool
    fold: NotNegative
    trained_models: list[str]
    num_workers: Positive


class Evaluation(Table):
    """How instances are scored."""

    metric: str
    use_linear_sum_assignment: bool

    @field_validator("metric")
    @classmethod
    def _exists(cls, metric: str) -> str:
        known = metric_paths()
        if metric not in known:
            close = get_close_matches(metric, known, n=3)
            raise ValueError(f"no evaluation has {metric!r}; it has, among others, {', '.join(close or known[:3])}")
        return metric


class Postprocessing(Table):
    """How instances are made; the parameters come from the method."""

    output_format: Literal["hdf", "zarr"]
