"""Tables [prediction], [postprocessing], [validation] and [evaluation]."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Literal

from pydantic import model_validator

from auxcpvloss.config.tables.types import Hundreds, Name, NotNegative, Positive, PositiveFloat, Table, Text
from auxcpvloss.looking.figures.palette import Colors
from auxcpvloss.metrics.detection import PointMatching
from auxcpvloss.metrics.table import metric_paths


class Prediction(Table):
    """How predictions are stored."""

    dtype: Literal["float32", "float16"]


class Validation(Table):
    """What is tried to find the best checkpoint and parameters."""

    checkpoints: list[Positive]
    param_product: bool
    on_train: bool
    fold: NotNegative
    trained_models: list[Text]
    num_workers: Hundreds


class Evaluation(Table):
    """How instances and their centers are scored."""

    do_detection: bool
    metric: Name
    detection: PointMatching
    distance_limit: PositiveFloat
    foreground_only: bool
    use_linear_sum_assignment: bool
    summary: list[Name]
    colors: Colors

    @model_validator(mode="after")
    def _metrics_exist(self) -> Evaluation:
        if self.metric != "auto":
            self._check("metric", self.metric)
            if self.metric.startswith(("by_size.", "by_density.")):
                raise ValueError(
                    f"metric: {self.metric!r} is not there where a volume has no such nuclei; choose a score of all "
                    "nuclei, such as confusion_matrix.avAP"
                )
            if self.metric.startswith("general.num_") or self.metric.endswith((".FP", ".FN", ".splits", ".merges")):
                raise ValueError(
                    f"metric: the highest {self.metric!r} is not the best; choose a number that grows with what is "
                    "found, such as AP, fscore or avAP"
                )
        for path in self.summary:
            self._check("summary", path)
        return self

    def _check(self, key: str, path: str) -> None:
        known = metric_paths([self.detection])
        if path in known:
            return
        if path in metric_paths():
            matching = path.split(".")[1]
            raise ValueError(
                f"{key}: {path!r} is a score of evaluation.detection = {matching!r}, but that is {self.detection!r}; "
                "set both to the same matching"
            )
        close = get_close_matches(path, known, n=3)
        raise ValueError(f"{key}: no evaluation has {path!r}; it has, among others, {', '.join(close or known[:3])}")


class Postprocessing(Table):
    """How instances are made; the parameters come from the method."""

    output_format: Literal["hdf", "zarr"]
