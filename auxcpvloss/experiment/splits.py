"""Which volumes serve for training, validation and test: the splits of the data, or folds, or all that can train."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from auxcpvloss.config import Config
from auxcpvloss.config.tables import Data
from auxcpvloss.config.use import ALL, MATCHED
from auxcpvloss.data.folds import deal
from auxcpvloss.data.groups import members
from auxcpvloss.data.sources.format import UNLABELLED
from auxcpvloss.data.use import draw, draw_matched, is_counted
from auxcpvloss.system.errors import InputError


class Volume(NamedTuple):
    """A volume, and the split that its source lies in, wherever it serves."""

    split: str
    name: str


Listing = Callable[[str], Mapping[str, str]]
"""Split of the data -> {name: origin}."""


def serving(split: str, config: Config, listing: Listing) -> list[Volume]:
    """Give the volumes that serve for "train", "val" or "test", sorted by name; no more splits are listed than needed.

    An `InputError` says if train and val, taken together, have two volumes of one name, or too few for the folds; or
    that data.use cannot be drawn.
    """
    there, data = candidates(split, config, listing), config.data
    if split == "test" or not there or not is_drawn(data):
        return there
    names = [volume.name for volume in there]
    if split == "train" or config.validation.on_train:
        drawn = draw(names, data.use, data.use_seed, data.groups)
    elif data.use_val == MATCHED:
        counted = candidates("train", config, listing) if is_counted(data.use) else []
        training = [volume.name for volume in counted]
        drawn = draw_matched(names, training, data.use, data.use_seed, data.groups)
    else:
        drawn = draw(names, data.use_val, data.use_seed, data.groups, "data.use_val")
    chosen = set(drawn)
    return [volume for volume in there if volume.name in chosen]


def is_drawn(data: Data) -> bool:
    """Whether only a part of the volumes for training and validation may serve."""
    return data.use != ALL or data.use_val not in (MATCHED, ALL)


def candidates(split: str, config: Config, listing: Listing) -> list[Volume]:
    """Give the volumes of which those that serve are drawn (data.use); errors are those of `serving`."""
    validation = config.validation
    if validation.trained_models and split == "val":
        return []
    if split == "val" and validation.on_train:
        split = "train"
    if split in ("test", UNLABELLED) or not (validation.trained_models or config.data.num_folds):
        return [Volume(split, name) for name in sorted(listing(split))]
    pooled = _pooled(listing)
    if validation.trained_models:
        return [pooled[name] for name in sorted(pooled)]
    chosen = [validation.fold] if split == "val" else training_folds(config)
    folds = _folds(config, pooled)
    return sorted((pooled[name] for fold in chosen for name in folds[fold - 1]), key=lambda volume: volume.name)


def training_folds(config: Config) -> list[int]:
    """Numbers of the folds to train on, in order; none where folds play no role."""
    if config.validation.trained_models:
        return []
    others = [fold for fold in range(1, config.data.num_folds + 1) if fold != config.validation.fold]
    return sorted(config.training.folds) or others


def _pooled(listing: Listing) -> dict[str, Volume]:
    train, val = listing("train"), listing("val")
    for name in sorted(train.keys() & val.keys()):
        # Where data.val_data is data.train_data it is one volume, not two.
        if train[name] != val[name]:
            raise InputError(
                f"{name}: {train[name]} (train) and {val[name]} (val) have the same name, but train and val are "
                "combined (data.num_folds, validation.trained_models). Rename one of them."
            )
    return {name: Volume(split, name) for split, names in (("val", val), ("train", train)) for name in names}


def _folds(config: Config, pooled: Mapping[str, Volume]) -> list[list[str]]:
    number, groups = config.data.num_folds, config.data.groups
    there, what = len(members(pooled, groups)), "groups (data.groups)" if groups else "volumes"
    if there < number:
        raise InputError(
            f"data.num_folds: {number} folds need at least as many {what}; train and val together have {there}."
        )
    return deal(pooled, number, config.data.split_seed, groups)
