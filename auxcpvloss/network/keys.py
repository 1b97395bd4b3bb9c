"""What networks add to the configuration: the check of [model]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.config.compose import Extension, Problem
from auxcpvloss.network.architectures import ARCHITECTURES, architecture_of


def part(tables: dict[str, Any]) -> Extension:
    """Check that the keys of [model] make a network."""
    return EXTENSION


def _check(config: Config) -> Iterator[Problem]:
    if config.model.architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        yield ("model", "architecture"), f"{config.model.architecture!r} is no architecture; known: {known}"
        return
    for key, message in architecture_of(config.model).check(config.model):
        yield ("model", key), message


EXTENSION = Extension(check=_check)
