"""Complete the tables with the keys of methods, augmentations, networks and metrics.

This package does not know them. Each of their packages has a *part*: a function of the merged tables that returns the
fields to add, the checks to make and messages about keys that it does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, cast

from pydantic import BaseModel, create_model

from auxcpvloss.config.tables import Config

Key = tuple[str, ...]
Problem = tuple[Key, str]
"""A key, and what is wrong with it, without the key's name and without a full stop."""


class KeyProblemError(Exception):
    """A wrong key on which it depends which other keys exist."""

    def __init__(self, key: Key, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, eq=False)
class Extension:
    """What a part adds to the configuration."""

    fields: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)
    """Path of a table -> {key: (type, default)}, as for `pydantic.create_model`."""
    check: Callable[[Config], Iterator[Problem]] = lambda config: iter(())
    """Finds contradictions in a configuration with valid types and ranges."""
    unknown: Callable[[Key], str] = lambda key: ""
    """Key that no table has -> message, or "" if this part has nothing to say about it."""


Part = Callable[[dict[str, Any]], Extension]
"""Merged tables, not checked yet -> Extension. It may complete its own keys in place.

It must return the same object for the same keys, so that equal configurations have the same class.
"""


class _Composed(Config):
    parts: ClassVar[tuple[Part, ...]]

    def __reduce__(self) -> tuple[Any, ...]:
        # Its class has no name by which another process could import it.
        return _restore, (self.model_dump(), self.parts)


@cache
def compose(extensions: tuple[Extension, ...], parts: tuple[Part, ...]) -> type[Config]:
    """Create the class of a configuration with the fields of all extensions."""
    added: dict[Key, dict[str, Any]] = {}
    for extension in extensions:
        for path, fields in extension.fields.items():
            added.setdefault(path, {}).update(fields)
    kind = cast(type[_Composed], _extended(_Composed, (), added))
    kind.parts = parts
    return kind


def _extended(base: type[BaseModel], path: Key, added: Mapping[Key, Mapping[str, Any]]) -> type[BaseModel]:
    """Return a table with the fields added to it and to the tables in it."""
    fields = dict(added.get(path, {}))
    for name in {key[len(path)] for key in added if len(key) > len(path) and key[: len(path)] == path}:
        inner = base.model_fields[name].annotation
        fields[name] = (_extended(cast(type[BaseModel], inner), (*path, name), added), ...)
    return create_model(base.__name__, __base__=base, **fields)


def _restore(tables: dict[str, Any], parts: tuple[Part, ...]) -> Config:
    return compose(tuple(part(tables) for part in parts), parts).model_validate(tables)
