"""Records of what results were made from: nested tables of plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def difference(old: Any, new: Any, at: str = "") -> str | None:
    """Name the first key in which two records of inputs differ, with both values; None where they are equal."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            if (found := difference(old.get(key), new.get(key), f"{at}.{key}" if at else str(key))) is not None:
                return found
        return None
    return None if old == new else f"{at} was {old!r}, is {new!r}"


def completed(base: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a record: nested tables, the second over the first."""
    both = {key: completed(base[key], record[key]) for key in base if isinstance(record.get(key), Mapping)}
    return {**base, **record, **both}


def plain(record: Any) -> Any:
    """Give a record as it comes back from JSON: tuples as lists, numbers as plain numbers."""
    return json.loads(json.dumps(record))
