"""What stages need, checked before hours are spent on those that come first."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from auxcpvloss.data.samples import Sample
from auxcpvloss.errors import InputError
from auxcpvloss.experiment import Experiment

NEEDS = {
    "train": "train",
    "validate_checkpoints": "val",
    "predict": "test",
    "label": "test",
    "evaluate": "test",
    "postprocess": "test",
    "visualize": "test",
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
    """Refuse stages for which there are no volumes.

    Raises
    ------
    InputError
        Names the key to set.
    """
    for split in needed_splits(stages):
        if not experiment.names(split):
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


def lacking(split: str) -> InputError:
    """Give the error that says that a split has no volumes."""
    return InputError(f"data.{split}_data: {ADVICE[split]}")
