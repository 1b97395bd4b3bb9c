"""Read, merge and check configuration files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from auxcpvloss.config.axes import write_out
from auxcpvloss.config.compose import Extension, Key, KeyProblemError, Part, Problem, compose
from auxcpvloss.config.places import config_folder
from auxcpvloss.config.protocol import protocol_problems
from auxcpvloss.config.tables import Config
from auxcpvloss.config.toml_files import read_toml
from auxcpvloss.system.errors import InputError

MAX_SHOWN = 200
"""Letters of a wrong value in a message."""
MAX_ERRORS = 10
"""That are listed."""

WANTED = {
    "missing": "has too few entries",
    "too_long": "has too many entries",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "model_type": "must be a table",
    "string_type": "must be a text in quotes",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
}
"""pydantic's kinds of errors in words for people; for those about ranges and choices its own words do."""


@dataclass(frozen=True)
class ConfigFile:
    """Keys from one place: a file, or the command line.

    Attributes
    ----------
    name : str
        How messages call the place.
    tables : mapping
        Nested tables.
    """

    name: str
    tables: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> ConfigFile:
        """Read a toml file.

        Raises
        ------
        InputError
            See `read_toml`.
        """
        return cls(str(path), read_toml(path))


@cache
def defaults() -> ConfigFile:
    """Read the built-in ``config/default.toml``, once; its tables are not to be changed."""
    return ConfigFile.read(config_folder() / "default.toml")


def load(places: Sequence[ConfigFile], parts: tuple[Part, ...]) -> Config:
    """Merge places left to right, over the built-in defaults, and check the result.

    Parameters
    ----------
    places : sequence of ConfigFile
    parts : tuple of Part
        What completes the tables, see `compose`.

    Returns
    -------
    Config

    Raises
    ------
    InputError
        Unknown keys, wrong types, values out of range, values that contradict each other: one line each, with
        the file that the key came from.
    """
    places = [defaults(), *places]
    merged: dict[str, Any] = {}
    origin: dict[Key, str] = {}
    for place in places:
        _merge(merged, place.tables, origin, place.name)
    if not isinstance(merged["model"], dict):
        raise InputError(f"{_origin(origin, ('model',), places)}: model: must be a table, [model].")
    write_out(merged)
    try:
        extensions = tuple(part(merged) for part in parts)
    except KeyProblemError as error:
        raise InputError(_line(_origin(origin, error.key, places), error.key, f"{error}.")) from None
    kind = compose(extensions, parts)
    try:
        # Of toml's types these are the ones of JSON, for which strict means: lists for tuples, whole numbers for
        # numbers, and nothing else is converted.
        config = kind.model_validate_json(json.dumps(merged), strict=True)
    except ValidationError as error:
        lines = [_explain(detail, kind, extensions, origin, places) for detail in error.errors()]
        raise InputError("\n".join(_first(list(dict.fromkeys(lines))))) from None
    for key, message in problems(config, extensions):
        raise InputError(_line(_origin(origin, key, places), key, f"{message}."))
    return config


def problems(config: Config, extensions: Sequence[Extension]) -> Iterator[Problem]:
    """Find values that contradict each other, within a table or between tables."""
    for extension in extensions:
        yield from extension.check(config)
    yield from protocol_problems(config)


def _line(where: str, key: Key, message: str) -> str:
    return f"{where}: {'.'.join(key)}: {message}"


def _merge(into: dict[str, Any], tables: Mapping[str, Any], origin: dict[Key, str], name: str, at: Key = ()) -> None:
    for key, value in tables.items():
        origin[(*at, key)] = name
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value, origin, name, (*at, key))
        elif isinstance(value, Mapping):
            into[key] = {}
            _merge(into[key], value, origin, name, (*at, key))
        else:
            into[key] = value


def _origin(origin: Mapping[Key, str], key: Key, places: Sequence[ConfigFile]) -> str:
    while key and key not in origin:
        key = key[:-1]
    return origin[key] if key else places[-1].name


def _explain(
    detail: ErrorDetails,
    kind: type[Config],
    extensions: Sequence[Extension],
    origin: Mapping[Key, str],
    places: Sequence[ConfigFile],
) -> str:
    """One line on one error: where, which key, what was expected."""
    key: Key = tuple(part for part in detail["loc"] if isinstance(part, str))
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        message = _unknown(key, kind, extensions)
    elif detail["type"] == "value_error":
        # A cross-check of a table names the key that it is about.
        last, colon, rest = message.partition(": ")
        if colon and last.isidentifier():
            key, message = (*key, last), rest
    else:
        wanted = WANTED.get(detail["type"], f"{message[0].lower()}{message[1:]}")
        message = wanted if detail["type"] == "missing" else f"{wanted}, not {_shown(detail['input'])}"
    return _line(_origin(origin, key, places), key, message)


def _first(lines: list[str]) -> list[str]:
    left = len(lines) - MAX_ERRORS
    return [*lines[:MAX_ERRORS], f"... and {left} more"] if left > 0 else lines


def _shown(value: Any) -> str:
    """Give a value as people wrote it, but not all of a long one."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _unknown(key: Key, kind: type[Config], extensions: Sequence[Extension]) -> str:
    table: type[BaseModel] = kind
    for part in key[:-1]:
        table = table.model_fields[part].annotation  # type: ignore[assignment]
    if words := next(filter(None, (extension.unknown(key) for extension in extensions)), ""):
        return words
    close = get_close_matches(key[-1], list(table.model_fields), n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(table.model_fields)}"
    return f"unknown key; {hint}"
