"""Records of what results were made from: nested tables of plain values, and how two of them differ in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

SHOWN = 5
"""Differences that are told, at most."""

WITHIN = ("instances", "predicted", "sample", "truth", "scores", "configuration")
"""Keys under which the record of a result holds that of another one: they say nothing to people."""

NAMED = {"samples": "volume", "predictions": "volume", "checkpoints": "checkpoint", "files": "file"}
"""Keys under which a record holds one entry a thing, and what the things are."""

OF_SAMPLES = {
    "raw_key": "data.raw_key",
    "gt_key": "data.gt_key",
    "padding": "data.padding",
    "voxel_size": "data.voxel_size",
    "version": "version of prepare",
}
"""Names of keys in the records of prepared volumes, as the configuration has them."""


class Change(NamedTuple):
    """A key in which two records differ; `None` for a value that one of them lacks."""

    path: tuple[str, ...]
    old: Any
    new: Any


def changes(old: Any, new: Any, at: tuple[str, ...] = ()) -> Iterator[Change]:
    """Find the keys in which two records differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from changes(old.get(key), new.get(key), (*at, str(key)))
    elif old != new:
        yield Change(at, old, new)


def difference(old: Any, new: Any) -> str | None:
    """Say in words in which keys two records differ, with both values; None where they are equal.

    What takes no effect is not compared, see `relevant`.
    """
    found = list(changes(relevant(old), relevant(new)))
    # What another key has made indifferent is no reason beside that key.
    reasons = [change for change in found if change.new is not None or change.path[-2:-1] in [(key,) for key in NAMED]]
    words = list(dict.fromkeys(_in_words(change) for change in reasons or found))
    if not words:
        return None
    more = [f"{len(words) - SHOWN} more"] if len(words) > SHOWN else []
    return "; ".join([*words[:SHOWN], *more])


def _in_words(change: Change) -> str:
    path = [part for part in change.path if part not in WITHIN] or list(change.path)
    thing = ""
    if path and path[0] in NAMED and len(path) > 1:
        thing, path = f"{NAMED[path[0]]} {path[1]}", [word for word in path[2:] if word not in WITHIN]
        if not path:
            what = "is new" if change.old is None else "is gone" if change.new is None else "changed"
            return f"{thing} {what}"
    if path == ["checksum"]:
        return f"the file of {thing or 'the volume'} changed"
    if path == ["initial", "checksum"]:
        return "the file of init.checkpoint changed"
    if path == ["checkpoint"]:
        return "the checkpoint changed"
    key = OF_SAMPLES.get(path[0], path[0]) if len(path) == 1 else ".".join(path)
    if change.old is None:
        return f"{key} was not recorded" + ("" if isinstance(change.new, Mapping) else f", is {change.new!r}")
    return f"{key} was {change.old!r}, is {change.new!r}"


def relevant(record: Any) -> Any:
    """Leave out of a record the keys that take no effect, the others being as they are.

    Percentiles that nothing is normalised by, what a schedule of the learning rate has no use for, groups without
    group normalisation.
    """
    if not isinstance(record, Mapping):
        return record
    without: set[str] = set()
    if record.get("normalize", "percentile") != "percentile":
        without |= {"lower_percentile", "upper_percentile"}
    if record.get("lr_schedule", "plateau") != "plateau":
        without |= {"plateau_factor", "plateau_patience"}
    if record.get("lr_schedule") == "constant":
        without.add("min_lr")
    if record.get("normalization", "group") != "group":
        without.add("normalization_groups")
    return {key: relevant(value) for key, value in record.items() if key not in without}


def completed(base: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a record: nested tables, the second over the first."""
    both = {key: completed(base[key], record[key]) for key in base if isinstance(record.get(key), Mapping)}
    return {**base, **record, **both}


def plain(record: Any) -> Any:
    """Give a record as it comes back from JSON: tuples as lists, numbers as plain numbers."""
    return json.loads(json.dumps(record))


def digest(record: Any) -> str:
    """Sha256, in hex, of a record."""
    return sha256(json.dumps(relevant(record), sort_keys=True).encode()).hexdigest()
