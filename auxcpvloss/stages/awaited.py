"""Volumes as the stage prepare would make them, whether it has done so or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from auxcpvloss.data.samples import Sample, open_sample
from auxcpvloss.data.sources.find import find_sources
from auxcpvloss.data.sources.source import Source
from auxcpvloss.data.truth import LABELS, POINTS
from auxcpvloss.experiment.fingerprint import difference
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.stages.prepare import volume_of
from auxcpvloss.stages.records import Result
from auxcpvloss.system.errors import InputError


@dataclass(frozen=True)
class Awaited(Sample):
    """A volume that is not prepared as it is to be: what can be told of it by its source."""

    source: Source
    record: dict[str, Any] = field(hash=False)
    padding: tuple[int, int, int]

    @property
    def made_from(self) -> dict[str, Any]:
        """What it is to be made from."""
        return self.record

    @property
    def shape(self) -> tuple[int, int, int]:
        """Z, Y, X, in voxels; reads the image."""
        z, y, x = np.add(self.source.read_raw().shape, np.multiply(2, self.padding)).tolist()
        return z, y, x

    @property
    def has_labels(self) -> bool:
        """Whether it has a label for every voxel."""
        return self.source.has_labels

    @property
    def has_points(self) -> bool:
        """Whether centers were annotated."""
        return self.source.has_points

    @property
    def truth_key(self) -> str | None:
        """Which array is going to be the ground truth."""
        return LABELS if self.has_labels else POINTS if self.has_points else None


class Volumes:
    """The volumes of an experiment, each source looked at once.

    Parameters
    ----------
    experiment : Experiment
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._sources: dict[str, dict[str, Source]] = {}
        self._results: dict[tuple[str, str], Result] = {}

    def sources(self, split: str) -> dict[str, Source]:
        """Give the sources that lie in a split, by name.

        Raises
        ------
        InputError
            They are not here, or not fit.
        """
        if split not in self._sources:
            found = find_sources(self._experiment.config.data, [split])[split]
            self._sources[split] = {source.name: source for source in found}
        return self._sources[split]

    def result(self, split: str, name: str) -> Result:
        """Say what a prepared volume is to be made from.

        Raises
        ------
        InputError
            Its source is not here, or cannot be read.
        """
        if (split, name) not in self._results:
            self._results[split, name] = volume_of(self._experiment, split, self.sources(split)[name])
        return self._results[split, name]

    def serving(self, split: str) -> list[Sample]:
        """Give the volumes for training, validation or test, prepared or as they are to be prepared.

        Those that nothing is known of are left out.

        Raises
        ------
        InputError
            The volumes cannot be listed.
        """
        found = [self._sample(volume) for volume in self._experiment.volumes(split)]
        return [sample for sample in found if sample is not None]

    def _sample(self, volume: Volume) -> Sample | None:
        path = self._experiment.sample_path(volume)
        prepared = open_sample(path)
        try:
            result = self.result(*volume)
        except (InputError, KeyError):
            # It was prepared on another machine.
            return prepared
        if prepared is not None and difference(prepared.made_from, result.made_from) is None:
            return prepared
        source = self.sources(volume.split)[volume.name]
        return Awaited(volume.name, path, source, result.made_from, self._experiment.config.data.padding)
