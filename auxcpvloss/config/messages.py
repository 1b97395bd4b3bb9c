"""What people are told about keys that are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from auxcpvloss.config.compose import Extension, Key

MAX_SHOWN = 200
"""Maximum number of characters of a wrong value in a message."""
MAX_ERRORS = 10
"""Maximum number of errors listed."""

WANTED = {
    "missing": "has too few entries",
    "too_long": "has too many entries",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "model_type": "must be a table",
    "string_type": "must be a string in quotes",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
}
"""Messages for pydantic's error types; for ranges and choices, pydantic's own messages serve."""


def explain(detail: ErrorDetails, kind: type[BaseModel], extensions: Sequence[Extension]) -> tuple[Key, str]:
    """Return the key that an error of pydantic is about, and what was expected."""
    key: Key = tuple(part for part in detail["loc"] if isinstance(part, str))
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        return key, unknown_key(key, kind, extensions)
    if detail["type"] == "value_error":
        # A check of a whole table names the key in front.
        last, colon, rest = message.partition(": ")
        return ((*key, last), rest) if colon and last.isidentifier() else (key, message)
    wanted = WANTED.get(detail["type"], f"{message[0].lower()}{message[1:]}")
    return key, wanted if detail["type"] == "missing" else f"{wanted}, not {shown(detail['input'])}"


def unknown_key(key: Key, kind: type[BaseModel], extensions: Sequence[Extension]) -> str:
    """Say that a key does not exist, and suggest one that does."""
    if words := next(filter(None, (extension.unknown(key) for extension in extensions)), ""):
        return words
    table: type[BaseModel] = kind
    for part in key[:-1]:
        table = table.model_fields[part].annotation  # type: ignore[assignment]
    close = get_close_matches(key[-1], list(table.model_fields), n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(table.model_fields)}"
    return f"unknown key; {hint}"


def shown(value: Any) -> str:
    """Return a value as people wrote it, a long one shortened."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def listing(lines: Sequence[str]) -> list[str]:
    """Give messages, each once, and at most `MAX_ERRORS` of them."""
    distinct = list(dict.fromkeys(lines))
    left = len(distinct) - MAX_ERRORS
    return [*distinct[:MAX_ERRORS], *([f"... and {left} more"] if left > 0 else [])]
