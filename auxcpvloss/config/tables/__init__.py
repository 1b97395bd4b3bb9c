"""The tables of a configuration file: types and ranges of every key.

The defaults, with a comment on each key, are in ``config/default.toml``. The keys of a method
([postprocessing] thresholds, ``loss_*_coeff``, the grids of [validation]), of augmentations and of networks come from
these, see `compose`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel

from auxcpvloss.config.tables.data import Data, Preprocessing, Synthetic
from auxcpvloss.config.tables.model import Model
from auxcpvloss.config.tables.results import Evaluation, Postprocessing, Prediction, Validation
from auxcpvloss.config.tables.training import Augmentation, Init, Optimizer, Training
from auxcpvloss.config.tables.types import NotNegativeFloat, Seed, Table

Params = TypeVar("Params", bound=BaseModel)


class General(Table):
    """What concerns all stages."""

    seed: Seed
    logging: Literal["debug", "info", "warning", "error"]
    overwrite: bool
    deterministic: bool


class Config(Table):
    """The effective configuration of an experiment."""

    parts: ClassVar[tuple[Callable[[dict[str, Any]], Any], ...]] = ()
    """What completed its tables, see `compose`."""

    general: General
    data: Data
    preprocessing: Preprocessing
    model: Model
    optimizer: Optimizer
    init: Init
    training: Training
    prediction: Prediction
    postprocessing: Postprocessing
    validation: Validation
    evaluation: Evaluation

    def coefficient(self, head: str) -> float:
        """Weight of a head's loss in the total."""
        return float(getattr(self.model, f"loss_{head}_coeff"))

    def params(self, kind: type[Params]) -> Params:
        """Post-processing parameters of the method, as set in [postprocessing]."""
        return kind(**{key: getattr(self.postprocessing, key) for key in kind.model_fields})

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes as plain tables: the class is made as it is needed."""
        from auxcpvloss.config.compose import restore

        return restore, (self.model_dump(), self.parts)


__all__ = [
    "Augmentation",
    "Config",
    "Data",
    "Evaluation",
    "General",
    "Init",
    "Model",
    "NotNegativeFloat",
    "Optimizer",
    "Postprocessing",
    "Prediction",
    "Preprocessing",
    "Synthetic",
    "Training",
    "Validation",
]
