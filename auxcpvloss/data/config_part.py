"""What sources of images add to the configuration: checks of the formats, and of what is asked of generated volumes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.config.compose import Extension, Problem
from auxcpvloss.config.tables.data import Synthetic
from auxcpvloss.config.use import MATCHED
from auxcpvloss.data.sources import FORMATS
from auxcpvloss.data.sources.format import UNLABELLED
from auxcpvloss.data.synthetic.difficulty import Difficulty, out_of_range


def part(tables: dict[str, Any]) -> Extension:
    """Check the formats that [data] names, what is drawn or made worse, and how hard generated volumes are."""
    return EXTENSION


def _check(config: Config) -> Iterator[Problem]:
    known = ("auto", *FORMATS)
    for key in ("input_format", "test_format"):
        if (name := getattr(config.data, key)) not in known:
            yield ("data", key), f"{name!r} is not a known format; known: {', '.join(known)}"
    yield from _check_difficulty(config.data.synthetic)
    if config.data.use_val != MATCHED and (config.validation.on_train or config.validation.trained_models):
        other = "on_train" if config.validation.on_train else "trained_models"
        message = f"there are no validation volumes of their own with validation.{other}; leave it at {MATCHED!r}"
        yield ("data", "use_val"), message
    if config.data.degrade.gaussian_length > 1 and not config.data.degrade.gaussian:
        yield (
            ("data", "degrade", "gaussian_length"),
            f"{config.data.degrade.gaussian_length}: there is no noise; set data.degrade.gaussian, or leave it at 1",
        )
    if UNLABELLED in config.data.degrade.splits and not config.data.unlabelled_data:
        yield (
            ("data", "degrade", "splits"),
            f"{UNLABELLED!r}: there is no data.unlabelled_data; set it, or leave this out",
        )


def _check_difficulty(asked: Synthetic) -> Iterator[Problem]:
    for name, usual in asdict(Difficulty()).items():
        value = getattr(asked, name)
        if problem := out_of_range(name, value):
            yield ("data", "synthetic", name), problem
        elif asked.kind != "worms" and value != usual:
            message = f'{value:g} is of the kind "worms" alone, not of {asked.kind!r}; leave it at {usual:g}'
            yield ("data", "synthetic", name), message


EXTENSION = Extension(check=_check)
