"""What one run of a study may take from another, rather than make the same again."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from study.plan import Run, StudyError


def take_over_training(source: Path, folder: Path) -> None:
    """Copy the training of another variant, which the program finds complete if all its keys are the same."""
    if not (source / "train").is_dir():
        raise StudyError(f"{source}: train it first; {folder.name} takes its training over")
    if not (folder / "train").is_dir():
        shutil.copytree(source / "train", folder / "train")
        shutil.copy(source / "config.toml", folder / "config.toml")


def take_over_pretraining(run: Run, keys: Mapping[str, Any], root: Path) -> None:
    """Copy the denoiser of another variant for the same noise, if one is trained; the program trains what differs.

    Parameters
    ----------
    run : Run
    keys : mapping
        Its configuration.
    root : Path
        Folder of the experiments; configurations lie beside it.
    """
    folder = root / run.name
    for other in run.study.runs([], [run.fold.number], [run.seed]):
        source, config = root / other.name, root.parent / f"{other.name}.toml"
        # The training after it begins once the denoiser is trained.
        if (folder / "pretrain").is_dir() or not (source / "pretrain").is_dir() or not (source / "train").is_dir():
            continue
        if _of_denoiser(tomllib.loads(config.read_text(encoding="utf-8"))) == _of_denoiser(keys):
            shutil.copytree(source / "pretrain", folder / "pretrain")


def _of_denoiser(keys: Mapping[str, Any]) -> tuple[Any, ...]:
    """Give the tables that variants of a study differ in, as far as a denoiser depends on them."""
    return keys.get("pretrain"), keys.get("data", {}).get("degrade"), keys.get("model", {}).get("architecture")
