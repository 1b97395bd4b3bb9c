"""Volumes as the stage prepare would make them, whether it has done so or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from auxcpvloss.data.samples import Sample, open_sample
from auxcpvloss.data.source import Source
from auxcpvloss.data.sources import find_sources
from auxcpvloss.data.truth import LABELS, POINTS
from auxcpvloss.errors import InputError
from auxcpvloss.experiment import Experiment
from auxcpvloss.made_from import difference
from auxcpvloss.stages.prepare import volume_of
from auxcpvloss.volumes import Volume


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


def awaited_samples(experiment: Experiment, split: str) -> list[Sample]:
    """Give the volumes of a split, prepared or as they are to be prepared; those that nothing is known of are left out.

    Raises
    ------
    InputError
        The volumes cannot be listed.
    """
    found = [_awaited(experiment, volume) for volume in experiment.volumes(split)]
    return [sample for sample in found if sample is not None]


def _awaited(experiment: Experiment, volume: Volume) -> Sample | None:
    prepared = open_sample(experiment.sample_path(volume))
    try:
        sources = find_sources(experiment.config.data, [volume.split])[volume.split]
        source = next(source for source in sources if source.name == volume.name)
        expected = volume_of(experiment, volume.split, source).made_from
    except (InputError, StopIteration):
        # It was prepared on another machine.
        return prepared
    if prepared is not None and difference(prepared.made_from, expected) is None:
        return prepared
    path = experiment.sample_path(volume)
    return Awaited(volume.name, path, source, expected, experiment.config.data.padding)
