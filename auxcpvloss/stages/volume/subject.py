"""What the results of a volume are of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.methods import Params


@dataclass(frozen=True)
class Subject:
    """A volume with a checkpoint and parameters.

    Attributes
    ----------
    split : str
        Folder of the results: "test", "val" or "val_on_train".
    checkpoint : int
    sample : Sample
    params : Params
        Those that instances are made with.
    others : tuple of Params
        More sets of parameters that the prediction is to serve for.
    """

    split: str
    checkpoint: Checkpoint
    sample: Sample
    params: Params
    others: tuple[Params, ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from others."""
        return self.split, self.checkpoint, self.sample.name, self.params.slug(), self.others

    @property
    def at(self) -> str:
        """Say in a list of results with which checkpoint they were made."""
        return f"checkpoint {self.checkpoint}, "

    def with_params(self, params: Params) -> Subject:
        """Give the same with other parameters, the prediction serving for the same sets."""
        return replace(self, params=params)
