"""Read toml files of unknown origin."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxcpvloss.system.errors import InputError
from auxcpvloss.system.text import PATH_ADVICE, decoded

MAX_BYTES = 2**20
"""Sixty times the size of the built-in defaults with all their comments."""
MAX_DEPTH = 20
"""Levels of tables and lists; the defaults have four."""
MAX_DOTS = 2000
"""Dots in a line: the parser needs quadratic time for a dotted key, a.b.c."""

BACKSLASH = re.compile(r'"[^"\n]*\\')
"""In double quotes, where it is special."""
LINE = re.compile(r"at line (\d+)")
TYPOGRAPHIC = re.compile(r"[\u2018-\u201f\u00ab\u00bb\u00a0]")
"""What word processors and web pages make of quotes and spaces."""


@dataclass(frozen=True)
class ConfigFile:
    """Nested tables from one place: a file, or the command line; with the name of the place in messages."""

    name: str
    tables: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> ConfigFile:
        """Read a toml file; raise the `InputError` of `read_toml`."""
        return cls(str(path), read_toml(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a toml file: nested tables of strings, numbers, booleans and lists.

    An `InputError` says if it is missing, unreadable, not toml, larger or deeper than any configuration, or has dates.
    """
    too_deep = f"tables or lists are nested more than {MAX_DEPTH} deep."
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise InputError(f"{path}: more than {MAX_BYTES:,} bytes, too large for a configuration file.")
        text = decoded(path, content)
        if any(line.count(".") > MAX_DOTS for line in text.splitlines()):
            raise InputError(f"{path}: a line has more than {MAX_DOTS:,} dots; this is not a configuration file.")
        tables = tomllib.loads(text)
    except FileNotFoundError:
        raise InputError(f"{path}: no such configuration file.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read as a configuration file: {error}.") from None
    except ValueError as error:  # including numbers with thousands of digits
        advice = f" {PATH_ADVICE}." if BACKSLASH.search(text) else ""
        place = LINE.search(str(error))
        if place and TYPOGRAPHIC.search(text.split("\n")[int(place[1]) - 1]):
            advice += " The line has typographic quotes or spaces; write plain ones."
        raise InputError(f"{path}: not valid toml: {error}.{advice}") from None
    except RecursionError:
        raise InputError(f"{path}: {too_deep}") from None
    for key, depth, value in _values(tables):
        if depth > MAX_DEPTH:
            raise InputError(f"{path}: {key}: {too_deep}")
        if not isinstance(value, str | int | float | list | dict):
            raise InputError(
                f"{path}: {key}: {value} is a date or time, which no key accepts; put the value in quotes."
            )
    return tables


def _values(tables: dict[str, Any]) -> Iterator[tuple[str, int, Any]]:
    """Yield key, depth and value of everything in nested tables and lists; not recursive, to any depth."""
    todo: list[tuple[str, int, Any]] = [(key, 1, value) for key, value in tables.items()]
    while todo:
        key, depth, value = todo.pop()
        yield key, depth, value
        if isinstance(value, list):
            todo.extend((key, depth + 1, entry) for entry in value)
        elif isinstance(value, dict):
            # No table is deeper; longer names would only fill the screen.
            todo.extend((f"{key}.{name}" if depth < 5 else key, depth + 1, entry) for name, entry in value.items())
