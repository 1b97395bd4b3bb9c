"""What the network of an experiment was trained on: the size of voxels and of nuclei, and whether others fit it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from auxcpvloss.config.units import Vector
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.sources.source import Source
from auxcpvloss.data.voxel_sizes import mismatch, sides
from auxcpvloss.experiment.ensemble import trainers
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.training_record import training_record
from auxcpvloss.system.errors import InputError

FACTOR = 1.5
"""Nuclei whose median diameter differs by more than this factor from that of the training are of another size."""


def training_volumes(experiment: Experiment) -> list[Sample]:
    """Give the training volumes that are prepared on this machine."""
    found = []
    for trainer in trainers(experiment):
        try:
            volumes = trainer.volumes("train")
        except InputError:
            continue
        found += [sample for volume in volumes if (sample := trainer.prepared(volume))]
    return found


def recorded_voxel_sizes(experiment: Experiment) -> list[Vector]:
    """Give the sizes of voxels of the training volumes, as the network sees them, as far as they are recorded."""
    made = [each for each in recorded_volumes(experiment) if "voxel_size" in each]
    return [tuple(each.get("target_voxel_size") or each["voxel_size"]) for each in made]


def recorded_volumes(experiment: Experiment) -> list[Mapping[str, Any]]:
    """Give what the training volumes were made from, as far as it is recorded."""
    found: list[Mapping[str, Any]] = []
    for trainer in trainers(experiment):
        record = training_record(trainer) or {}
        opened = trainer.records.whole({"samples": record.get("samples", {})})["samples"]
        found += [each for each in opened.values() if isinstance(each, Mapping)]
    return found


def training_voxel_sizes(experiment: Experiment) -> list[Vector]:
    """Give those of the volumes that are prepared here, else those recorded; none where they are not known."""
    sizes = [sample.voxel_size for sample in training_volumes(experiment)]
    return sizes or recorded_voxel_sizes(experiment)


def other_voxels(experiment: Experiment, samples: Iterable[Sample]) -> Iterator[str]:
    """Say which volumes have voxels of another size than the training volumes, and what to do."""
    trained = training_voxel_sizes(experiment)
    for sample in samples:
        if words := mismatch(sample.voxel_size, trained, experiment.config.model.ndim):
            size = list(trained[0])
            yield (
                f"{sample.name}: {words}. A network finds nuclei of the size that it was trained on: set "
                f"data.target_voxel_size = {size} to resample, or data.voxel_size (data.test_voxel_size) if the files "
                "are wrong."
            )


def other_recorded_voxels(experiment: Experiment, sources: Iterable[Source]) -> Iterator[str]:
    """Say which files record other voxels than those for training do, although data.voxel_size makes them all alike."""
    data = experiment.config.data
    if not data.voxel_size:
        return
    recorded = {source.name: size for source in sources if not source.given_size and (size := source.voxel_size())}
    if not recorded:
        return
    try:
        trained = [size for source in experiment.catalogue.sources("train") if (size := source.voxel_size())]
    except InputError:
        return
    for name, size in recorded.items():
        if words := mismatch(size, trained, experiment.config.model.ndim):
            yield (
                f"{name}: as the files record, {words}; but data.voxel_size takes all for {sides(data.voxel_size)}. "
                "Set data.test_voxel_size, or --voxel-size, if the files are right"
            )


def training_diameter(experiment: Experiment) -> float | None:
    """Give the median, over training volumes, of the diameter of the median nucleus, in voxels; None if not known."""
    samples = training_volumes(experiment)
    found = [diameter(sample.nucleus, sample.shape) for sample in samples if sample.nucleus is not None]
    return float(np.median(found)) if found else None


def diameter(size: float, shape: tuple[int, int, int]) -> float:
    """Give the diameter of a ball (in a single plane, of a disc) of so many voxels, in voxels."""
    return float(2 * (size / np.pi) ** (1 / 2) if shape[0] == 1 else 2 * (size * 3 / (4 * np.pi)) ** (1 / 3))
