"""Expand the file of a sweep to its runs: name and keys of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from auxcpvloss.sweep.file import Keys, SweepFile
from auxcpvloss.system.errors import InputError


@dataclass(frozen=True)
class Planned:
    """One run.

    Attributes
    ----------
    name : str
        Of its experiment: the group, with fold and seed.
    group : str
        What it shares with the runs that differ from it in fold and seed alone.
    keys : mapping
        Tables of the keys that are its own.
    """

    name: str
    group: str
    keys: Mapping[str, Any]


def expand(sweep: SweepFile, title: str) -> list[Planned]:
    """Give all runs, in the order of the file: of each combination all folds, and of each fold all seeds.

    Parameters
    ----------
    sweep : SweepFile
    title : str
        Name of a run that differs from `SweepFile.keys` in nothing.

    Raises
    ------
    InputError
        An axis without values, or two runs of the same name.
    """
    found = []
    for group, keys in _groups(sweep, title):
        folds, seeds = (list[int | None](values) or [None] for values in (sweep.folds, sweep.seeds))
        for fold, seed in product(folds, seeds):
            parts = [group, *([f"fold{fold}"] if fold else []), *([f"seed{seed}"] if seed is not None else [])]
            own = merged(keys, {"validation": {"fold": fold}} if fold else {})
            own = merged(own, {"general": {"seed": seed}} if seed is not None else {})
            found.append(Planned("_".join(parts), group, merged(sweep.keys, own)))
    names = [run.name for run in found]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise InputError(
            f"{twice}: two runs would have this name. Give the values names of their own: [axes.NAME.VALUE] instead of "
            "[grid], or other names in [runs]."
        )
    return found


def _groups(sweep: SweepFile, title: str) -> Iterator[tuple[str, Keys]]:
    axes = [_named(key, values) for key, values in _lists(sweep.grid)]
    for name, tables in sweep.axes.items():
        if not tables:
            raise InputError(f"axes.{name}: no values; write tables [axes.{name}.VALUE] of keys.")
        axes.append(list(tables.items()))
    if axes:
        for values in product(*axes):
            keys: Keys = {}
            for _, own in values:
                keys = merged(keys, own)
            yield "_".join(name for name, _ in values), keys
    yield from sweep.runs.items()
    if not axes and not sweep.runs:
        yield title, {}


def _lists(tables: Mapping[str, Any], at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Find the lists of values in nested tables, whose keys may be written with dots, in quotes or not."""
    for key, value in tables.items():
        path = (*at, *key.split("."))
        if isinstance(value, Mapping):
            yield from _lists(value, path)
        elif isinstance(value, list) and value:
            yield path, value
        else:
            raise InputError(f"grid.{'.'.join(path)}: {value}: must be a list of one or more values.")


def _named(path: Sequence[str], values: Sequence[Any]) -> list[tuple[str, Keys]]:
    """Give each value a name, and the tables that set its key."""
    named = []
    for number, value in enumerate(values, start=1):
        keys: Keys = {path[-1]: value}
        for table in reversed(path[:-1]):
            keys = {table: keys}
        named.append((_name(path[-1], value, number), keys))
    return named


def _name(key: str, value: Any, number: int) -> str:
    """Name a value: a word by itself, numbers with their key, anything else by its place in the list."""
    if isinstance(value, str) and value:
        return value.replace("/", "-").replace("\\", "-")
    if isinstance(value, list):
        is_plain = value and all(isinstance(each, int | float) for each in value)
        return f"{key}_{'x'.join(map(str, value)) if is_plain else number}"
    return f"{key}_{str(value).lower()}" if not isinstance(value, Mapping) else f"{key}_{number}"


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Keys:
    """Merge nested tables; the second wins."""
    result = dict(base)
    for key, value in over.items():
        inner = result.get(key)
        is_inner = isinstance(value, Mapping) and isinstance(inner, Mapping)
        result[key] = merged(inner, value) if is_inner else value  # type: ignore[arg-type]
    return result
