"""Volumes as the stage prepare makes them, or is going to."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from auxcpvloss.config.tables import Data
from auxcpvloss.data.decoded_files import checksum_of_image
from auxcpvloss.data.samples import LABELS, POINTS, Sample
from auxcpvloss.data.sources.source import Source
from auxcpvloss.data.target_grid import grids_of
from auxcpvloss.experiment.record_keys import plain
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.stages.prepare import volume_of
from auxcpvloss.stages.run import Run
from auxcpvloss.system.errors import InputError


@dataclass(frozen=True)
class PlannedSample(Sample):
    """A volume that is not prepared as it is to be: what its source tells of it."""

    source: Source
    record: dict[str, Any] = field(hash=False)
    data: Data = field(hash=False)

    @property
    def original(self) -> Sample:
        """Itself: nothing of it can be looked at."""
        return self

    @property
    def made_from(self) -> dict[str, Any]:
        """What it is to be made from."""
        return self.record

    @property
    def shape(self) -> tuple[int, int, int]:
        """Z, Y, X, in voxels; reads the image."""
        _, there = grids_of(self.source, self.source.read_raw().shape, self.data)
        return there.padded(self.data.padding).shape

    @cached_property
    def image_checksum(self) -> str:
        """Checksum of the values of the image, which it reads."""
        return checksum_of_image(self.source.read_raw())

    @property
    def has_labels(self) -> bool:
        """Whether it has a label for every voxel."""
        return self.source.has_labels

    @property
    def has_points(self) -> bool:
        """Whether centers were annotated."""
        return self.source.has_points

    @property
    def has_nuclei(self) -> bool:
        """What is not known yet is not refused."""
        return True

    @property
    def truth_key(self) -> str | None:
        """Which array is going to be the ground truth."""
        return LABELS if self.has_labels else POINTS if self.has_points else None


def noisy_sample(run: Run, volume: Volume) -> Sample | None:
    """Give a volume as it is before the stage denoise.

    A command that makes nothing gets it as it is to be prepared; None where nothing is known of it.

    Raises
    ------
    InputError
        It is not prepared.
    """
    return _planned(run, volume) if run.planning else run.experiment.noisy(volume)


def _planned(run: Run, volume: Volume) -> Sample | None:
    experiment = run.experiment
    prepared = experiment.prepared(volume)
    try:
        sources = {source.name: source for source in experiment.catalogue.sources(volume.split)}
        result = volume_of(run, volume.split, sources[volume.name])
    except (InputError, KeyError):
        # It was prepared on another machine.
        return prepared
    if prepared is not None and run.state(result).kind == "whole":
        return prepared
    _, source, made_from = result.subject
    return PlannedSample(volume.name, result.paths[0], source, plain(made_from), experiment.config.data)
