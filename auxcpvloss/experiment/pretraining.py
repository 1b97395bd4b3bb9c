"""The pretraining of a denoiser: an experiment of its own in the folder of another one, configured by [pretrain]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from auxcpvloss.augment.simple import SIMPLE, Simple
from auxcpvloss.config import Config, ConfigFile, dump
from auxcpvloss.config.tables.training import SHARED
from auxcpvloss.data.image_record import CHECKSUM, image_record
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.sources.format import UNLABELLED
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.configured import RECORDS, TEST
from auxcpvloss.experiment.fingerprint import Records
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.experiment.training_record import other_training
from auxcpvloss.methods import method_of
from auxcpvloss.system.errors import InputError

FOLDER = "pretrain"
"""Folder of the pretraining in that of the experiment."""

METHOD, HEAD = "noise2void", "denoised"

LIKE_THE_OTHER = ("snapshots", "log_every", "profiling", "num_workers", "cache_size", "precision")
"""Keys of [training] of the experiment that are those of its pretraining, too."""

OF_PRETRAINING = ("max_iterations", "checkpoints", "batch_size")
"""Keys of [pretrain] that take the place of those of [training]."""

BLIND = ("blind_share", "blind_radius", "blind_extent")
"""Keys of [pretrain] that are those of the method `METHOD` in [model]."""

OF_OPTIMIZER = ("lr", "lr_schedule")
"""Keys of [pretrain] that take the place of those of [optimizer]."""

PLACES = {"training": OF_PRETRAINING, "model": BLIND, "optimizer": OF_OPTIMIZER}
"""Keys of [pretrain], by the tables of the derived configuration that they are in."""


@dataclass(frozen=True)
class Pretraining(Experiment):
    """An experiment in the folder `FOLDER` of another one, trained on the volumes that ``pretrain.images`` names.

    Volumes are those that the other one has prepared, with labels or without.

    Attributes
    ----------
    outer : Experiment
        The other one.
    """

    outer: Experiment = field(kw_only=True)

    @classmethod
    def of(cls, experiment: Experiment) -> Pretraining:
        """Give the pretraining of an experiment."""
        return cls(experiment.folder / FOLDER, pretraining_config(experiment.config), outer=experiment)

    @cached_property
    def records(self) -> Records:
        """What the denoiser was made from; keys are called as they are in [pretrain]."""
        names = {f"{table}.{key}": f"{FOLDER}.{key}" for table, keys in PLACES.items() for key in keys}
        return Records(self.folder / RECORDS, names)

    def data_folder(self, split: str) -> Path:
        """Folder of the prepared volumes of a split: that of the other experiment."""
        return self.outer.data_folder(split)

    def volumes(self, split: str) -> list[Volume]:
        """Give the volumes to train on, by split and name; there are none for anything else.

        Those of ``data.unlabelled_data`` are among them. They are all that there are, and not only those that
        ``data.use`` draws for their labels. Other test volumes (``--test-data``) than those of the experiment are not
        trained on.
        """
        if split != "train":
            return []
        images = [each for each in self.config.pretrain.images if not (each == TEST and self.outer.other_test)]
        more = [UNLABELLED] if self.config.data.unlabelled_data else []
        return sorted({volume for each in (*images, *more) for volume in self.outer.candidates(each)})

    def volume_record(self, sample: Sample, recorded: Any = None) -> dict[str, Any]:
        """Give what the denoiser depends on of a volume: that of the image alone.

        Earlier programs recorded all that the volume was made from, and a record of theirs is compared with that.
        """
        whole, then = sample.made_from, self.records.whole({"sample": recorded})["sample"]
        was_whole = recorded == self.records.digest(whole) or (isinstance(then, Mapping) and CHECKSUM not in then)
        return whole if was_whole else image_record(sample)


def need_denoiser(experiment: Experiment) -> tuple[Pretraining, int]:
    """Give the pretraining of an experiment, with the iteration of its last checkpoint.

    Its volumes are not looked at: whether they are still the same the stage pretrain knows.

    Raises
    ------
    InputError
        It is not there, of other keys, or half done.
    """
    found = Pretraining.of(experiment)
    last, newest = found.config.training.max_iterations, max(found.checkpoints.iterations(), default=0)
    changed = other_training(found)
    why = changed or (f"iterations {newest + 1} to {last} remain to be done" if newest < last else "")
    if why:
        there = f"{found.train_folder}: {why}" if found.is_trained else f"{found.folder}: there is no denoiser yet"
        raise InputError(f"{there}. Run the stage {FOLDER}.")
    return found, newest


def pretraining_config(config: Config) -> Config:
    """Derive the configuration of the pretraining: the same data and network, and [pretrain] for the training.

    What else concerns the training has its default, so that it does not depend on that of the experiment.
    """
    tables, method = dump(config), method_of(config)
    pretrain, training, model = tables["pretrain"], tables["training"], tables["model"]
    of_method = {key for key in model if key.startswith("loss_")} | method.keys.keys()
    # Each of several networks begins with it.
    network = {**{key: value for key, value in model.items() if key not in of_method}, "networks": SHARED}
    # Values between voxels are means of several, which have less noise.
    off = {name: table.switched_off() for name, table in config.training.augmentation.tables().items()}
    changes = {name: table.model_dump(mode="json") for name, table in {**off, SIMPLE.name: _turned(config)}.items()}
    derived = {
        "general": tables["general"],
        "data": {**tables["data"], "num_folds": 0},
        "preprocessing": tables["preprocessing"],
        "model": {**network, "method": METHOD, "auxiliary": [], **{key: pretrain[key] for key in BLIND}},
        "optimizer": {key: pretrain[key] for key in OF_OPTIMIZER},
        "training": {
            **{key: training[key] for key in LIKE_THE_OTHER},
            **{key: pretrain[key] for key in OF_PRETRAINING},
            # Noise is everywhere, and where nuclei are is not known of all volumes.
            "p_nonempty": 0.0,
            "augmentation": {**changes, "one_of": []},
        },
        "prediction": {"tile_memory": tables["prediction"]["tile_memory"]},
        "pretrain": pretrain,
    }
    return load([ConfigFile(f"[{FOLDER}]", derived)])


def _turned(config: Config) -> Simple:
    """Mirror and exchange axes as in the training, but none with different ``pretrain.blind_extent``."""
    table: Simple = getattr(config.training.augmentation.applied(), SIMPLE.name)
    extent, alike = config.pretrain.blind_extent, dict[int, list[int]]()
    for axis in table.transpose:
        alike.setdefault(extent[axis], []).append(axis)
    return table.model_copy(update={"transpose": max(alike.values(), key=len, default=[])})
