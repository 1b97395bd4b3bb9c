"""The volumes of an experiment as arrays, for programs in other environments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.data.missing_chunks import read
from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.system.errors import InputError

SPLITS = ("train", "val", "test")

Labels = NDArray[np.int32]


def volumes_of(experiment: Experiment, split: str) -> list[Volume]:
    """Give the volumes that serve for training, validation or test; an `InputError` says if there are none."""
    if not (volumes := experiment.volumes(split)):
        raise InputError(f"{experiment.folder}: no volumes for {split}.")
    return volumes


def stored_image(experiment: Experiment, volume: Volume) -> NDArray[Any]:
    """Give the image of a volume as its files have it, (Z, Y, X); as it was prepared if ``data.degrade`` changed it."""
    if experiment.sample(volume).original.clean is not None:
        return prepared_image(experiment, volume)
    return next(each for each in experiment.catalogue.sources(volume.split) if each.name == volume.name).read_raw()


def prepared_image(experiment: Experiment, volume: Volume) -> NDArray[Any]:
    """Give the image of a volume on the grid of its files, with the intensities that our networks get: (Z, Y, X)."""
    sample = experiment.sample(volume).original
    return read(sample.raw)[_inner(sample)]


def labels_of(experiment: Experiment, volume: Volume, split: str, program: str) -> Labels:
    """Give the labels of a volume on the grid of its files, (Z, Y, X); zeros for test volumes without masks.

    Raises
    ------
    InputError
        It serves for training or validation, and is not labelled whole.
    """
    sample = experiment.sample(volume).original
    if not sample.has_labels:
        if split == "test":
            z, y, x = (size - 2 * margin for size, margin in zip(sample.shape, sample.padding, strict=True))
            return np.zeros((z, y, x), np.int32)
        raise InputError(f"{volume.name}: has no masks, which {program} needs.")
    labels = read(sample.labels)
    if (labels == IGNORED).any():
        raise InputError(f"{volume.name}: is annotated in parts, which {program} cannot learn from.")
    return labels[_inner(sample)].astype(np.int32)


def _inner(sample: Sample) -> tuple[slice, ...]:
    return tuple(slice(margin, size - margin) for margin, size in zip(sample.padding, sample.shape, strict=True))
