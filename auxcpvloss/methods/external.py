"""Instances that another program made, imported to be scored beside ours: no network, nothing to decode."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from auxcpvloss.config import Config
from auxcpvloss.config.tables.types import Name, Text
from auxcpvloss.methods.method import Array, Labels, Method, Params, Prediction
from auxcpvloss.system.errors import InputError


class NoParams(Params):
    """There is nothing to choose."""

    def decode(self, prediction: Prediction) -> Labels:
        """Refuse, with an `InputError`: there is no network whose prediction could be decoded."""
        raise InputError("results of another program: there is no network that could segment other images.")

    @lru_cache(maxsize=1)  # noqa: B019 -- of one value.
    def slug(self) -> str:
        """Name of the folder of the results."""
        return "external"


def confidence(prediction: Prediction, labels: Labels) -> Array:
    """Give NaN for each instance: how sure the other program was is not known."""
    return np.full(np.count_nonzero(np.bincount(labels.reshape(-1))[1:]), np.nan)


class Given(NamedTuple):
    """What the configuration says of external results: the keys of [model] that the method adds."""

    name: str
    results: str
    results_pattern: str
    results_key: str
    note: str

    @classmethod
    def by(cls, config: Config) -> Given:
        """Read it."""
        return cls(*(str(getattr(config.model, key)) for key in cls._fields))


EXTERNAL = Method(
    "external",
    heads=(),
    params=NoParams,
    confidence=confidence,
    keys={
        "name": (Name, ""),
        "results": (Text, ""),
        "results_pattern": (Name, "{name}"),
        "results_key": (Name, ""),
        "note": (Text, ""),
    },
)
