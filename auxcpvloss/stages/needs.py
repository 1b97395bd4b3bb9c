"""What stages need, checked before hours are spent on those that come first."""

from __future__ import annotations

from collections.abc import Collection

from auxcpvloss.errors import InputError
from auxcpvloss.experiment import Experiment
from auxcpvloss.stages.trained_models import averages

NEEDS = {
    "train": "train",
    "validate_checkpoints": "val",
    "validate": "val",
    "cross_validate": "val",
    "predict": "test",
    "label": "test",
    "evaluate": "test",
}

ADVICE = {
    "train": "there are no training volumes; set it, or data.path with a folder train/.",
    "val": (
        "there are no validation volumes with labels, so no checkpoint can be selected. Set it (to the training "
        "volumes, if there are no others), or go on with --test-checkpoint last."
    ),
    "test": "there are no test volumes; set it, or data.path with a folder test/.",
}


def needed_splits(stages: Collection[str]) -> list[str]:
    """Give the splits whose volumes the stages work on."""
    return list(dict.fromkeys(split for stage, split in NEEDS.items() if stage in stages))


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


def lacking(split: str) -> InputError:
    """Give the error that says that a split has no volumes."""
    return InputError(f"data.{split}_data: {ADVICE[split]}")
