"""Valid configurations made bad, key by key: what the keys are and may hold is taken from the tables themselves."""

import datetime
import json
import math
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from auxcpvloss.config import ConfigFile, defaults
from auxcpvloss.experiment.configuration import load
from auxcpvloss.methods import METHODS
from tests.conftest import SMALL, merge

Key = tuple[str, ...]

BASE: dict[str, Any] = {
    "data": {
        "input_format": "synthetic",
        "voxel_size": [1, 1, 1],
        "synthetic": {"shape": [20, 24, 40], "nuclei": 3, "train": 1, "val": 1, "test": 1},
    },
    "model": SMALL,
    "training": {"max_iterations": 1, "checkpoints": 1, "snapshots": 1, "log_every": 1, "num_workers": 0},
}
"""Volumes and a network that every stage takes a moment for."""

DAY = datetime.date(2024, 2, 29)
SCALARS: dict[str, Any] = {
    "text": "x",
    "empty text": "",
    "long text": "x" * 100_000,
    "control characters": "a\x00\x07\x1b[31m\n\r\x7f",
    "other letters": "ゼブラ\u202e🐟/\ud7ff",
    "path outside": "../../outside",
    "home of nobody": "~nobody-at-all/x",
    "zero": 0,
    "minus one": -1,
    "one": 1,
    "a million": 10**6,
    "huge": 10**30,
    "minus huge": -(10**30),
    "fraction": 0.5,
    "smallest": 5e-324,
    "largest": 1.7e308,
    "not a number": math.nan,
    "infinite": math.inf,
    "minus infinite": -math.inf,
    "true": True,
    "day": DAY,
    "moment": datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC),
    "time": datetime.time(12),
}
COLLECTIONS: dict[str, Any] = {
    "empty list": [],
    "list": [1],
    "nested list": [[[1]]],
    "list of texts": ["x", "../x", ""],
    "list of tables": [{"a": 1}],
    "long list": [1] * 1000,
    "mixed list": [1, "x", 0.5, [], True],
    "empty table": {},
    "table": {"a": 1},
}


@dataclass(frozen=True)
class Mutation:
    """A configuration with one thing changed.

    Attributes
    ----------
    name : str
        Method, key, and what was done to it.
    method : str
    kind : str
        missing, type, range, misspelt, extra, section or table.
    key : tuple of str
        What was changed.
    tables : nested dict
        What is written to the file; the other keys are at their defaults.
    """

    name: str
    method: str
    kind: str
    key: Key
    tables: dict[str, Any]


KINDS = ("missing", "type", "range", "misspelt", "extra", "section", "table")


def base(method: str) -> dict[str, Any]:
    """What differs from the built-in defaults: values that run in a moment."""
    return merge(deepcopy(BASE), {"model": {"method": method}})


def leaves(tables: Mapping[str, Any], at: Key = ()) -> Iterator[Key]:
    for key, value in tables.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*at, key))
        else:
            yield (*at, key)


def fields(table: type[BaseModel], at: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every key of a class of tables, with its type and range."""
    for name, field in table.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields(kind, (*at, name))
        else:
            yield (*at, name), Annotated[kind, *field.metadata] if field.metadata else kind


def mutations() -> Iterator[Mutation]:
    """Every mutation of every key: of the tables, and of what each method adds to them, unless another one has it."""
    done: set[str] = set()
    for method in ("threeclass_cpv", *METHODS):
        tables, whole = base(method), merge(defaults().tables, base(method))
        for key, kind in fields(type(load([ConfigFile("test", {"model": {"method": method}})]))):
            if (known := f"{key} {kind}") not in done:
                done.add(known)
                for how, what, changed in _of_key(tables, key, _get(whole, key), kind):
                    yield Mutation(f"{method}: {'.'.join(key)}: {how}: {what}", method, how, key, changed)


def _of_key(tables: dict[str, Any], key: Key, value: Any, kind: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    yield "missing", "left out", _with(tables, key[:-1], lambda table: table.pop(key[-1], None))
    for what, wrong in (SCALARS | COLLECTIONS).items():
        yield "type", what, _set(tables, key, wrong)
    for what, entries in _lists(value):
        yield "type", what, _set(tables, key, entries)
    for what, number in _beyond(kind):
        yield "range", what, _set(tables, key, _like(value, number))
    for what, name in _misspelt(key[-1]).items():
        yield "misspelt", what, _set(_with(tables, key[:-1], lambda t: t.pop(key[-1], None)), (*key[:-1], name), value)
    yield "extra", "one more key", _set(tables, (*key[:-1], f"{key[-1]}_extra"), value)
    for section in ((), ("general",), ("training", "augmentation", "elastic"), (*key[:-1], "deeper")):
        if section != key[:-1]:
            moved = _with(tables, key[:-1], lambda table: table.pop(key[-1], None))
            yield "section", ".".join(section) or "top", _set(moved, (*section, key[-1]), value)
    yield "table", "key as table", _set(tables, key, {key[-1]: value})
    for depth in range(1, len(key)):
        yield "table", f"table {'.'.join(key[:depth])} as key", _set(tables, key[:depth], value)


def _get(tables: Any, key: Key) -> Any:
    for part in key:
        tables = tables.get(part, [] if part == key[-1] else {})
    return tables


def _with(tables: dict[str, Any], at: Key, change: Any) -> dict[str, Any]:
    """A copy with one of its tables changed; the others are shared."""
    copy = dict(tables)
    table = copy
    for part in at:
        table[part] = dict(table.get(part, {}))
        table = table[part]
    change(table)
    return copy


def _set(tables: dict[str, Any], key: Key, value: Any) -> dict[str, Any]:
    return _with(tables, key[:-1], lambda table: table.update({key[-1]: value}))


def _lists(value: Any) -> Iterator[tuple[str, list[Any]]]:
    """Lists of a wrong length, and with each entry wrong."""
    if not isinstance(value, list):
        return
    yield "one too many", [*value, *(value[-1:] or [1])]
    yield "one too few", value[:-1]
    for number, entry in enumerate(value):
        rest = (value[:number], value[number + 1 :])
        for what, wrong in SCALARS.items():
            yield f"entry {number} {what}", [*rest[0], wrong, *rest[1]]
        yield f"entry {number} a list", [*rest[0], [entry], *rest[1]]
        yield f"entry {number} a table", [*rest[0], {"a": 1}, *rest[1]]
        for what, inner in _lists(entry):
            yield f"entry {number}: {what}", [*rest[0], inner, *rest[1]]


def _like(value: Any, number: Any) -> Any:
    """A number in place of every number of a value."""
    return [_like(entry, number) for entry in value] if isinstance(value, list) and value else number


def _beyond(kind: Any) -> Iterator[tuple[str, Any]]:
    """Values at, just below and just above every bound that a type has, and a choice that it does not have."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        yield from (("no such choice", f"{choice}x" if isinstance(choice, str) else choice + 7) for choice in arguments)
        yield from ((f"choice {choice}", choice) for choice in arguments)
    if origin is Annotated:
        whole = arguments[0] is int
        for bound in (b for b in _bounds(arguments[1:]) if isinstance(b, int | float)):
            steps = (-1, 0, 1) if whole else (-1e-9, 0, 1e-9)
            yield from ((f"{bound} {step:+g}", bound + step) for step in steps)
    if origin in (Annotated, UnionType, list, tuple, dict):
        for argument in dict.fromkeys(a for a in arguments if not isinstance(a, str)):
            yield from _beyond(argument)


def _bounds(constraints: Any) -> Iterator[Any]:
    for constraint in constraints:
        yield from (getattr(constraint, name, None) for name in ("gt", "ge", "lt", "le"))
        yield from _bounds(getattr(constraint, "metadata", ()))


def _misspelt(name: str) -> dict[str, str]:
    return {
        "a letter less": name[:-1],
        "a letter more": name + name[-1],
        "two letters exchanged": name[1::-1] + name[2:],
        "capitals": name.upper(),
        "a hyphen": name.replace("_", "-") if "_" in name else f"{name}-",
        "other letters": f"{name}é",
        "with a dot": f"x.{name}",
        "empty": "",
    }


def as_text(tables: Mapping[str, Any], at: str = "") -> str:
    """Toml of any tables, a line for each key."""
    lines = []
    for key, value in tables.items():
        place = f"{at}.{_quoted(key)}" if at else _quoted(key)
        if isinstance(value, Mapping) and value:
            lines.append(as_text(value, place))
        else:
            lines.append(f"{place} = {_inline(value)}\n")
    return "".join(lines)


def _inline(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_quoted(key)} = {_inline(entry)}' for key, entry in value.items())}}}"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
