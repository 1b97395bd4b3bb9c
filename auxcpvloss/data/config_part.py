"""What formats of images add to the configuration: the check that data.input_format names one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.config.compose import Extension, Problem
from auxcpvloss.data.sources import FORMATS


def part(tables: dict[str, Any]) -> Extension:
    """Check the format that [data] names."""
    return EXTENSION


def _check(config: Config) -> Iterator[Problem]:
    known = ("auto", *FORMATS)
    if config.data.input_format not in known:
        yield (
            ("data", "input_format"),
            f"{config.data.input_format!r} is not a known format; known: {', '.join(known)}",
        )


EXTENSION = Extension(check=_check)
