"""What stages need, checked before hours are spent on those that come first."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from auxcpvloss.config import Config
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.untrusted.limits import check_bytes
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.training_record import other_training
from auxcpvloss.network.architectures import check_memory
from auxcpvloss.stages.initial import initial_checkpoint
from auxcpvloss.stages.trained_models import averages
from auxcpvloss.system.errors import InputError

NEEDS = {
    "train": "train",
    "validate_checkpoints": "val",
    "validate": "val",
    "cross_validate": "val",
    "predict": "test",
    "label": "test",
    "evaluate": "test",
    "postprocess": "test",
    "visualize": "test",
    "export": "test",
}

ADVICE = {
    "train": "there are no training volumes; set it, or data.path with a folder train/.",
    "val": (
        "there are no validation volumes with labels, so no checkpoint can be selected. Set it (to the training "
        "volumes, if there are no others), or go on with --test-checkpoint last."
    ),
    "test": "there are no test volumes; set it, or data.path with a folder test/.",
}

WORKER = 200 * 2**20
"""Bytes that a process needs before it has any data: gunpowder, scipy, zarr."""


def needed_splits(experiment: Experiment, stages: Collection[str]) -> list[str]:
    """Give the splits whose volumes the stages work on."""
    needed = [split for stage, split in NEEDS.items() if stage in stages]
    if "train" in stages and looks_at_validation(experiment):
        needed.append("val")
    return list(dict.fromkeys(needed))


def looks_at_validation(experiment: Experiment) -> list[str]:
    """Give the keys of [training] by which the training looks at the validation volumes."""
    return [key for key in ("validation_batches", "early_stop") if getattr(experiment.config.training, key)]


def need_volumes(experiment: Experiment, stages: Collection[str]) -> None:
    """Refuse stages for which there are no volumes, or no other runs where they are to choose the checkpoint.

    Raises
    ------
    InputError
        Names the key to set.
    """
    averaged = bool(experiment.config.validation.trained_models)
    if averaged and {"train", "validate_checkpoints"} & set(stages):
        averages(experiment)
    for stage, split in NEEDS.items():
        if stage not in stages or (averaged and stage == "validate_checkpoints") or experiment.names(split):
            continue
        if averaged and split == "val":
            raise InputError(f"validation.trained_models: every volume trains, so that none is left for {stage}.")
        raise lacking(split)


def need_masks(experiment: Experiment, samples: Iterable[Sample]) -> None:
    """Refuse volumes with points only for a method that segments.

    Raises
    ------
    InputError
        Names the first such volume, the method, and what to do.
    """
    for sample in samples:
        if sample.is_sparse and experiment.method.task != "detection":
            raise InputError(
                f"{sample.name}: has center points but no masks, and model.method = {experiment.method.name!r} learns "
                "from masks. model.method = 'gauss' learns from points; or add masks/, or remove the volume."
            )


def need_training(experiment: Experiment, stages: Collection[str]) -> None:
    """Refuse a training whose optimizer, arithmetic, initial weights or validation cannot be what the keys say.

    Raises
    ------
    InputError
        Names the key.
    """
    if not {"mknet", "train"} & set(stages):
        return
    from auxcpvloss.network.compiled import check_precision, new_network
    from auxcpvloss.network.initial import take_over
    from auxcpvloss.network.optimizer import check_optimizer

    config, method = experiment.config, experiment.method
    check_memory(config)
    check_workers(config)
    check_optimizer(config.optimizer)
    check_precision(config.training.precision)
    for key in looks_at_validation(experiment):
        if config.validation.trained_models:
            raise InputError(f"training.{key}: with validation.trained_models every volume trains; set it to 0.")
        if not experiment.names("val"):
            raise InputError(f"training.{key}: there are no validation volumes; set data.val_data, or this to 0.")
    goes_on = experiment.is_trained and other_training(experiment) is None
    initial = None if goes_on else initial_checkpoint(experiment)
    if initial:
        take_over(new_network(config, method), method.heads, initial, config.init)


def check_workers(config: Config) -> None:
    """Refuse more processes than memory has room for.

    Raises
    ------
    InputError
        Names the key.
    """
    for table in ("training", "validation"):
        number = getattr(config, table).num_workers
        check_bytes(f"{table}.num_workers: {number} processes", number * WORKER, "Take fewer.")


def lacking(split: str) -> InputError:
    """Give the error that says that a split has no volumes."""
    return InputError(f"data.{split}_data: {ADVICE[split]}")
