"""A key of the configuration with the value that it gets, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Decision:
    """A key, its value, and why it has it.

    Attributes
    ----------
    key : str
        With its tables, as in "training.augmentation.elastic.jitter_sigma".
    value : value of toml
    why : str
        For people: from what it follows, in whole words.
    """

    key: str
    value: Any
    why: str


def as_tables(decisions: Iterable[Decision]) -> dict[str, Any]:
    """Give nested tables of the keys."""
    tables: dict[str, Any] = {}
    for each in decisions:
        *path, key = each.key.split(".")
        table = tables
        for name in path:
            table = table.setdefault(name, {})
        table[key] = each.value
    return tables


def values(decisions: Iterable[Decision]) -> Mapping[str, Any]:
    """Give the values by key."""
    return {each.key: each.value for each in decisions}
