"""Toml files of anybody: as tables of plain values, or one message."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auxcpvloss.system.errors import InputError

MAX_BYTES = 2**20
"""Sixty times the built-in defaults with all their comments."""
MAX_DEPTH = 20
"""Tables and lists within each other; those of the defaults are four deep."""
MAX_DOTS = 2000
"""In a line; for a key of many parts, a.b.c, the parser takes time by their square."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a toml file.

    Returns
    -------
    nested dict
        Of texts, numbers, truth values and lists.

    Raises
    ------
    InputError
        No such file, not readable, not toml, larger or deeper than any configuration, or with dates in it.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise InputError(f"{path}: more than {MAX_BYTES:,} bytes, too large for a configuration file.")
        if any(line.count(b".") > MAX_DOTS for line in content.splitlines()):
            raise InputError(f"{path}: a line with more than {MAX_DOTS:,} dots is no configuration.")
        tables = tomllib.loads(content.decode())
    except FileNotFoundError:
        raise InputError(f"{path}: no such configuration file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a configuration file: {error}.") from None
    except ValueError as error:  # also of a number with thousands of digits
        raise InputError(f"{path}: not valid toml: {error}.") from None
    except RecursionError:
        raise InputError(f"{path}: tables or lists are nested more than {MAX_DEPTH} deep.") from None
    for key, depth, value in _values(tables):
        if depth > MAX_DEPTH:
            raise InputError(f"{path}: {key}: tables or lists are nested more than {MAX_DEPTH} deep.")
        if not isinstance(value, str | int | float | list | dict):
            raise InputError(f"{path}: {key}: {value} is a date or time, which no key takes; put a text in quotes.")
    return tables


def _values(tables: dict[str, Any]) -> Iterator[tuple[str, int, Any]]:
    """Everything in nested tables and lists: key, depth and value; not by recursion, which ends at some depth."""
    todo: list[tuple[str, int, Any]] = [(key, 1, value) for key, value in tables.items()]
    while todo:
        key, depth, value = todo.pop()
        yield key, depth, value
        if isinstance(value, list):
            todo.extend((key, depth + 1, entry) for entry in value)
        elif isinstance(value, dict):
            # The name of what is nested deeper than any table would only fill the screen.
            todo.extend((f"{key}.{name}" if depth < 5 else key, depth + 1, entry) for name, entry in value.items())
