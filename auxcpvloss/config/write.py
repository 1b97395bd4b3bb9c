"""Write a configuration as toml."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import toml

from auxcpvloss.config.tables import Config
from auxcpvloss.system.checksums import sealed_text
from auxcpvloss.system.files import write_text


def dump(config: Config) -> dict[str, Any]:
    """Return a configuration as nested tables of toml's types."""
    return config.model_dump(mode="json")


def flat(tables: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted keys of nested tables, with their values."""
    for key, value in tables.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{at}{key}.")
        else:
            yield f"{at}{key}", value


def write(config: Config, path: Path) -> None:
    """Write the complete configuration, with its checksum; reading it gives an equal one."""
    write_text(path, sealed_text(as_toml(dump(config))))


def as_toml(tables: Mapping[str, Any]) -> str:
    """Format tables as toml, preserving any text and every digit."""
    return toml.dumps(tables, encoder=_Encoder())


class _Encoder(toml.TomlEncoder):
    """Also writes what toml's own encoder does not: all digits of floats, and any text (it fails on U+00A0)."""

    def __init__(self) -> None:
        super().__init__()
        self.dump_funcs[float] = repr
        self.dump_funcs[str] = inline


def inline(value: str | bool | int | float | Sequence[Any] | Mapping[str, Any]) -> str:
    """Format a value, a list of values, or a table, on one line of toml."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{inline(key)} = {inline(each)}' for key, each in value.items())}}}"
    # The escapes of JSON are valid in toml; only DEL, which JSON does not escape, toml wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
