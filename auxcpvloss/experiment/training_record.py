"""What the weights in the folder of an experiment were made from, and what they may be gone on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from auxcpvloss.config import Config, ConfigFile
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.record_keys import completed, plain, relevant
from auxcpvloss.experiment.splits import training_folds
from auxcpvloss.methods import model_record
from auxcpvloss.methods.method import KNOWN
from auxcpvloss.system.checksums import KEY, is_changed_table
from auxcpvloss.system.errors import InputError

VERSION = 1
"""Version of the training code: raise it whenever the same keys and data give other weights."""

INDIFFERENT = (
    "max_iterations", "checkpoints", "snapshots", "log_every", "profiling", "num_workers", "cache_size",
    "validation_batches", "early_stop",
)  # fmt: skip
"""Keys of [training] that do not affect the weights."""

FILES = "files"
"""Key of the record of the files that the training has written, see `training_files`."""

CLASS_FRACTIONS = "class_fractions"
"""Key of the record of the fractions of classes in the training volumes, where the losses depend on them."""

FOLLOWS = ("made_with", CLASS_FRACTIONS)
"""Keys of the record of what follows from the others, or is told but decides nothing."""


def training_record(experiment: Experiment) -> dict[str, Any] | None:
    """Give what the weights in the folder were made from; None if there are none, or it is unknown.

    A key that is younger than the record had its default value; so had the version of the stage.
    """
    path = record_path(experiment)
    if not experiment.is_trained:
        return None
    try:
        record = read_record(path) or {}
        record.pop(FILES, None)
        return completed({**_defaults(record["model"]["method"]), "version of train": 1}, record)
    except (KeyError, TypeError, InputError):
        return None


def read_record(path: Path) -> dict[str, Any] | None:
    """Read all of a training record as it was written; None if there is none, or it was changed since."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or is_changed_table(record):
        return None
    return {key: value for key, value in record.items() if key != KEY}


@cache
def _defaults(method: str) -> dict[str, Any]:
    """Give the keys that the weights depend on as they are where nobody sets them."""
    defaults = load([ConfigFile("defaults", {"model": {"method": method}})])
    return training_keys(Experiment(Path(), defaults))


def record_path(experiment: Experiment) -> Path:
    """File of the training record."""
    return experiment.train_folder / "made_from.json"


def training_keys(experiment: Experiment) -> dict[str, Any]:
    """Give the keys of the configuration that the weights depend on."""
    config = experiment.config
    tables = config.model_dump(mode="json", include={"preprocessing", "optimizer", "training"})
    tables["training"]["augmentation"] = config.training.augmentation.applied().model_dump(
        mode="json", exclude={"without"}
    )
    tables["model"] = model_record(config)
    tables["model"].pop("test_input_shape")
    for key in INDIFFERENT:
        # The length of the training shapes this schedule.
        if key != "max_iterations" or config.optimizer.lr_schedule != "cosine":
            tables["training"].pop(key)
    # Which weights [init] gives is known to the stage train.
    tables["init"] = _init_keys(config)
    tables["scheme"] = config.scheme.model_dump(include={"name", *(["alpha"] if config.scheme.is_joint else [])})
    # All folds but the one that validates may be named, or left to be meant.
    tables["training"].pop("folds")
    if folds := training_folds(config):
        tables["training"]["folds"] = folds
    # Cosines ended too early where gradients were accumulated, which an option of the optimizer did before the key.
    accumulates = config.optimizer.accumulate > 1 or config.optimizer.options.get("gradient_accumulation_steps")
    version = VERSION + 1 if accumulates and config.optimizer.lr_schedule == "cosine" else VERSION
    # Distances were learned where what is not annotated may limit them.
    version += _is_partly_annotated(config) and any(head.loss == KNOWN for head in experiment.method.heads)
    return plain({"version of train": version, **relevant(tables), "general": {"seed": config.general.seed}})


def _is_partly_annotated(config: Config) -> bool:
    data = config.data
    return bool(data.ignore_label) or data.annotated_box or data.degrade.labels < 1


def _init_keys(config: Config) -> dict[str, Any]:
    """Give the keys of [init] that matter, given whether a training begins with a checkpoint, an encoder or neither."""
    init = config.init
    if init.encoder_weights:
        return init.model_dump(include={"freeze_iterations"})
    begins = init.checkpoint or config.scheme.finetunes
    return init.model_dump(exclude={"checkpoint", "encoder_weights"}) if begins else {}


def other_training(
    experiment: Experiment, samples: Mapping[str, Any] | None = None, initial: Mapping[str, Any] | None = None
) -> str | None:
    """Say why weights in the folder may not be those of this configuration; None if they are, or there are none.

    What the training volumes were made from, by name, and with which weights the training began, are compared if given.
    """
    record = training_record(experiment)
    if record is None:
        lost = f"{record_path(experiment).name}, the record of its inputs, is missing or damaged"
        return lost if experiment.is_trained else None
    now = {**training_keys(experiment), "samples": record["samples"] if samples is None else plain(samples)}
    now["initial"] = record.get("initial") if initial is None else plain(initial)
    if bool(record["init"]) != bool(now["init"]):
        # One key is the reason, and not all those that go with it.
        was, name = record["scheme"]["name"], experiment.config.scheme.name
        if was != name:
            return f"scheme.name was {was!r}, is {name!r}"
        then, init = (record.get("initial") or {}).get("path", ""), experiment.config.init
        was_encoder = record["init"] and "match" not in record["init"]
        key = "encoder_weights" if was_encoder or init.encoder_weights else "checkpoint"
        return f"init.{key} was {then!r}, is {getattr(init, key)!r}"
    records = experiment.records
    then = {key: value for key, value in record.items() if key not in FOLLOWS}
    return records.difference(records.flat(then), records.flat(now))


def refuse_other_training(experiment: Experiment) -> None:
    """Refuse to use weights that were made from other keys, which the `InputError` names, if nobody asked to train."""
    if changed := other_training(experiment):
        if training_record(experiment) is None:
            raise InputError(
                f"{experiment.train_folder}: {changed}, so what the checkpoints were made from is not known.",
                "Restore it, or run the stage train to start again: the old checkpoints are then moved to superseded/.",
            )
        raise InputError(
            f"{experiment.train_folder}: contains checkpoints of another training: {changed}.",
            "Use another experiment (-id NAME), --run_from_exp to continue with its stored configuration, or the "
            "stage train to start again: the old checkpoints are then moved to superseded/.",
        )
