"""The tables of a configuration file: types and ranges of every key.

The defaults, with a comment on each key, are in ``config/default.toml``. `compose` adds the keys of the method
(parameters in [postprocessing], lists in [validation], ``loss_*_coeff``,
``loss_*_background``, ``loss_*_weights``), of augmentations and of networks.
"""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import BaseModel

from auxcpvloss.config.tables.data import Data, Preprocessing
from auxcpvloss.config.tables.denoising import DENOISING, Pretrain, Scheme
from auxcpvloss.config.tables.results import Evaluation, Postprocessing, Prediction, Validation
from auxcpvloss.config.tables.training import Init, Model, Optimizer, Training
from auxcpvloss.config.tables.types import Seed, Table

Params = TypeVar("Params", bound=BaseModel)


class General(Table):
    """Keys that concern all stages."""

    seed: Seed
    backend: Literal["tensorflow", "jax", "torch"]
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
    scheme: Scheme
    pretrain: Pretrain
    prediction: Prediction
    postprocessing: Postprocessing
    validation: Validation
    evaluation: Evaluation

    def coefficient(self, head: str) -> float:
        """Return the weight of a head's loss in the total: by its key, times its share in joint denoising."""
        share = self.scheme.share(head == DENOISING)
        return share * float(getattr(self.model, f"loss_{head}_coeff"))

    def background(self, head: str) -> float:
        """Return the weight of the background in a head's loss, where it has a key."""
        return float(getattr(self.model, f"loss_{head}_background"))

    def class_weights(self, head: str) -> list[float]:
        """Return the weights of the classes in a head's loss, where it has a key; empty: by ``class_balance``."""
        return list(getattr(self.model, f"loss_{head}_weights"))

    def params(self, kind: type[Params]) -> Params:
        """Return the parameters of the method that are set in [postprocessing]."""
        return kind(**{key: getattr(self.postprocessing, key) for key in kind.model_fields})
