"""Evaluated runs, and groups of runs that differ in nothing but chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.looking.compare.statistics import means_of_groups
from auxcpvloss.metrics.average_precision import PATHS
from auxcpvloss.metrics.table import defined_numbers, value_at, without_nuclei

AVAP = "confusion_matrix.avAP"
AP = {threshold: f"{path}.AP" for threshold, path in PATHS.items()}
"""Dotted paths of the scores of instances that are compared."""


@dataclass(frozen=True)
class EvaluatedRun:
    """One experiment: a training, what its validation selected, and how that did on the test volumes.

    Attributes
    ----------
    folder, base, auxiliary, seed
        Of the experiment; ``model.method`` and ``model.auxiliary``.
    checkpoint, params
        The selected iteration, and the selected parameters that have an effect.
    metric, validated_on
        Dotted path of the score that they were selected by, and its task.
    seeds : {"main", "cpv", "either"}
        What floods: seeds from the main prediction, from center point vectors, or what validation chose of the two.
    weights : str
        Checksum of the weights.
    training, selected_from
        What the weights depend on, but for the seed; what validation selected from, and by which score.
    evaluation, truth, instances
        Of each volume with ground truth: how it was scored (keys of [evaluation], version of the stage), what tells
        it from others, and the digest of the record of the instances that were scored.
    scores
        Of each volume nested tables, as ``<sample>.toml`` has them.
    groups
        Of each volume the group that it belongs to (``data.groups``); empty where each is one of its own.
    program : str
        What made external results; "" for a run of this program.
    """

    folder: Path
    base: str
    auxiliary: tuple[str, ...]
    seed: int
    checkpoint: Checkpoint
    params: Mapping[str, Any]
    metric: str
    validated_on: Literal["segmentation", "detection"]
    seeds: Literal["main", "cpv", "either"]
    weights: str
    training: Mapping[str, Any]
    selected_from: Mapping[str, Any]
    evaluation: Mapping[str, Mapping[str, Any]]
    truth: Mapping[str, Mapping[str, Any]]
    instances: Mapping[str, str]
    scores: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, str] = field(default_factory=dict)
    program: str = ""

    @property
    def name(self) -> str:
        """Name of the experiment, as it can be shown."""
        return plain_text(self.folder.name)

    @property
    def method(self) -> str:
        """The method with its auxiliary tasks, in the short form."""
        return "_".join((self.base, *self.auxiliary))

    @property
    def without_nuclei(self) -> list[str]:
        """Names of the volumes in which there was nothing to be found."""
        return without_nuclei(self.scores)

    @property
    def matching(self) -> str:
        """How centers were matched with nuclei: ``evaluation.detection``, which is one for all volumes."""
        return str(next(iter(self.evaluation.values()))["detection"])


@dataclass(frozen=True)
class Group:
    """Runs of one method that differ in nothing but chance: their seeds.

    `model` is the method, or what the user calls the runs; `variant` says how they were validated, if not as usual:
    ", validated on detection".
    """

    model: str
    variant: str
    runs: tuple[EvaluatedRun, ...]

    @property
    def name(self) -> str:
        """Name of the group, of which there is one of each."""
        return f"{self.model}{self.variant}"

    @property
    def method(self) -> str:
        """Method of all the runs."""
        return self.runs[0].method

    @property
    def label(self) -> str:
        """The name as figures show it, as in the paper: ``threeclass +cpv``."""
        if self.model != self.method:
            return self.name
        return " +".join((self.runs[0].base, *self.runs[0].auxiliary)) + self.variant

    def added_to(self, baseline: Group) -> str:
        """Name the one auxiliary task that these runs have and those of the baseline lack; "" if more differs."""
        here, there = self.runs[0], baseline.runs[0]
        added = [task for task in here.auxiliary if task not in there.auxiliary]
        same = here.base == there.base and len(here.auxiliary) == len(there.auxiliary) + 1
        return added[0] if same and len(added) == 1 else ""

    def scores(self, path: str) -> NDArray[np.float64] | None:
        """Give a score by its dotted path: a (runs, volumes) array.

        Volumes that lack the score (one of instances, if there are center points only), or have no nuclei, are left
        out; None if all do. All runs have it on the same volumes, as `need_same_evaluation` makes sure.
        """
        if not (volumes := self._having(path)):
            return None
        return np.array([[value_at(run.scores[name], path) for name in volumes] for run in self.runs], dtype=float)

    def volume_groups(self, path: str) -> list[str]:
        """Name the group of each volume that has a score, in the order of `scores`."""
        return [self.runs[0].groups.get(name, name) for name in self._having(path)]

    def units(self, path: str) -> NDArray[np.float64] | None:
        """Give the means of a score over what is independent of each other: a (runs, groups of volumes) array."""
        scores = self.scores(path)
        return None if scores is None else means_of_groups(scores, self.volume_groups(path))

    def _having(self, path: str) -> list[str]:
        having = [{name for name, table in run.scores.items() if path in defined_numbers(table)} for run in self.runs]
        assert all(each == having[0] for each in having)
        return [name for name in self.runs[0].scores if name in having[0]]


def detection_path(matching: str) -> str:
    """Dotted path of the AP of detection; `matching` as in ``evaluation.detection``."""
    return f"confusion_matrix.{matching}.AP"


def plain_text(text: str) -> str:
    """Replace what no table or figure can show: line breaks, bytes that are no text. Names of folders may have both."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
