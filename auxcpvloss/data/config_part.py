"""What formats of images add to the configuration: the check that data.input_format and data.test_format name one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.config.compose import Extension, Problem
from auxcpvloss.data.sources import FORMATS


def part(tables: dict[str, Any]) -> Extension:
    """Check the formats that [data] names."""
    return EXTENSION


def _check(config: Config) -> Iterator[Problem]:
    known = ("auto", *FORMATS)
    for key in ("input_format", "test_format"):
        if (name := getattr(config.data, key)) not in known:
            yield ("data", key), f"{name!r} is not a known format; known: {', '.join(known)}"


EXTENSION = Extension(check=_check)
