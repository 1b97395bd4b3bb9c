"""The folder of an experiment, and what its configuration says of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from auxcpvloss.config import Config
from auxcpvloss.data.sources.find import Catalogue
from auxcpvloss.experiment.fingerprint import Records
from auxcpvloss.methods import Method, Params, method_of
from auxcpvloss.methods.external import Given

TEST = "test"
"""Folder of the results of the test volumes."""

RECORDS = "records.json"
"""File of what results were made from."""


@dataclass(frozen=True)
class Configured:
    """The folder of an experiment and its effective configuration.

    Attributes
    ----------
    folder : Path
    config : Config
    other_test : str
        Folder, in `TEST`, of the results of other test volumes than those of the experiment itself; "" for its own.
    """

    folder: Path
    config: Config
    other_test: str = ""

    @cached_property
    def records(self) -> Records:
        """What its results were made from."""
        return Records(self.folder / RECORDS)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The volumes of its data, each place listed once."""
        return Catalogue(self.config.data)

    @cached_property
    def method(self) -> Method:
        """The method, with its auxiliary tasks."""
        return method_of(self.config)

    @property
    def model_name(self) -> str:
        """What made the instances, for people: the method, or the name of another program."""
        return self.method.name if self.method.has_network else Given.by(self.config).name

    @property
    def params(self) -> Params:
        """The parameters of [postprocessing]."""
        return self.config.params(self.method.params)

    @property
    def is_detection(self) -> bool:
        """Whether the task is to find nuclei, rather than to outline them."""
        return self.config.evaluation.do_detection or self.method.task == "detection"

    @property
    def metric(self) -> str:
        """Path of the number in a sample's evaluation that decides in validation."""
        table = self.config.evaluation
        if table.metric != "auto":
            return table.metric
        return f"confusion_matrix.{table.detection}.AP" if self.is_detection else "confusion_matrix.th_0_5.AP"
