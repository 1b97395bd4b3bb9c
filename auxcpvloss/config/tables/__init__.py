"""The tables of a configuration file: types and ranges of every key.

The defaults, with a comment on each key, are in ``config/default.toml``. The keys of a method
([postprocessing] thresholds, ``loss_*_coeff``, the grids of [validation]) come from the method, see `schema`.
"""

from __future__ import annotations

from typing import Literal

from auxcpvloss.config.tables.data import Data, Preprocessing, Synthetic
from auxcpvloss.config.tables.model import Model
from auxcpvloss.config.tables.results import Evaluation, Postprocessing, Prediction, Validation
from auxcpvloss.config.tables.training import Augmentation, Elastic, Init, Intensity, Optimizer, Simple, Training
from auxcpvloss.config.tables.types import NotNegativeFloat, Seed, Table
from auxcpvloss.methods.method import Params


class General(Table):
    """What concerns all stages."""

    seed: Seed
    logging: Literal["debug", "info", "warning", "error"]
    overwrite: bool
    deterministic: bool


class Config(Table):
    """The effective configuration of an experiment."""

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


__all__ = [
    "Augmentation",
    "Config",
    "Data",
    "Elastic",
    "Evaluation",
    "General",
    "Init",
    "Intensity",
    "Model",
    "NotNegativeFloat",
    "Optimizer",
    "Postprocessing",
    "Prediction",
    "Preprocessing",
    "Simple",
    "Synthetic",
    "Training",
    "Validation",
]
