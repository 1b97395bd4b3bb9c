"""Complete the tables with the keys that methods, augmentations, networks and metrics bring.

This package knows nothing of them. Each of their packages has a *part*: a function that looks at the merged tables and
gives the fields to add, the checks to make and the words for a key that it does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from pydantic import BaseModel, create_model

from auxcpvloss.config.tables import Config

Key = tuple[str, ...]
Problem = tuple[Key, str]
"""A key, and what is wrong with it: without the key's name and a full stop."""


class KeyProblemError(Exception):
    """A key that makes it impossible to say which other keys there are."""

    def __init__(self, key: Key, message: str) -> None:
        super().__init__(message)
        self.key = key


def _no_problems(config: Config) -> Iterator[Problem]:
    return iter(())


def _no_words(key: Key) -> str:
    return ""


@dataclass(frozen=True, eq=False)
class Extension:
    """What a part adds to the configuration.

    Attributes
    ----------
    fields : mapping
        Path of a table -> {key: (type, default)}, as `pydantic.create_model` takes them.
    check : callable
        Finds contradictions in a configuration whose types and ranges are right.
    unknown : callable
        Key that no table has -> what to say about it; "" where this part has nothing to say.
    """

    fields: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)
    check: Callable[[Config], Iterator[Problem]] = _no_problems
    unknown: Callable[[Key], str] = _no_words


Part = Callable[[dict[str, Any]], Extension]
"""Merged tables, not checked yet, of which it may complete its own keys in place -> Extension.

It has to give the same object for the same keys, so that equal configurations are of one class.
"""


@cache
def compose(extensions: tuple[Extension, ...], parts: tuple[Part, ...]) -> type[Config]:
    """Make the class of a configuration with the fields of all extensions."""
    added: dict[Key, dict[str, Any]] = {}
    for extension in extensions:
        for path, fields in extension.fields.items():
            added.setdefault(path, {}).update(fields)
    kind = cast(type[Config], _extended(Config, (), added))
    kind.parts = parts
    return kind


def _extended(base: type[BaseModel], path: Key, added: Mapping[Key, Mapping[str, Any]]) -> type[BaseModel]:
    """Give a table with the fields added to it, and to the tables within it."""
    fields = dict(added.get(path, {}))
    for name in {key[len(path)] for key in added if len(key) > len(path) and key[: len(path)] == path}:
        inner = base.model_fields[name].annotation
        fields[name] = (_extended(cast(type[BaseModel], inner), (*path, name), added), ...)
    return create_model(base.__name__, __base__=base, **fields)


def restore(tables: dict[str, Any], parts: tuple[Part, ...]) -> Config:
    """Make a configuration again of what `Config.model_dump` gave."""
    return compose(tuple(part(tables) for part in parts), parts).model_validate(tables)
