"""An experiment: one folder, its configuration, and where everything in it is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from auxcpvloss.experiment.result_places import WithResults
from auxcpvloss.experiment.volumes import WithVolumes


@dataclass(frozen=True)
class Experiment(WithVolumes, WithResults):
    """The folder of an experiment and its effective configuration.

    Attributes
    ----------
    folder : Path
    config : Config
    other_test : str
        Folder, in `TEST`, of the results of other test volumes than those of the experiment itself; "" for its own.
    """

    def __getstate__(self) -> dict[str, Any]:
        # Another process works on the volumes that this one has opened.
        return {field.name: getattr(self, field.name) for field in fields(self)}
