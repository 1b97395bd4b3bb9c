"""Volumes that belong together, such as the times of one embryo: they are never torn apart, and count as one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from auxcpvloss.config.groups import GROUP
from auxcpvloss.system.errors import InputError

LETTERS = {"*": ".*", "?": ".", GROUP: "(.+)"}

Groups = str | Mapping[str, str]
"""A pattern of the names, or the group of each volume by name; "": each volume is a group of its own."""


def group_of(name: str, groups: Groups) -> str | None:
    """Name the group of a volume; None where it has none."""
    if not groups:
        return name
    if isinstance(groups, Mapping):
        return groups.get(name)
    parts = re.split(r"([*?]|{group})", groups)
    found = re.fullmatch("".join(LETTERS.get(part, re.escape(part)) for part in parts), name, re.DOTALL)
    return found[1] if found else None


def groups_of(names: Iterable[str], groups: Groups, key: str = "data.groups") -> dict[str, str]:
    """Name the group of each volume.

    Raises
    ------
    InputError
        Some have none; it names `key`.
    """
    found = {name: group_of(name, groups) for name in names}
    if without := [name for name, group in found.items() if group is None]:
        lacks = f"lists no {without[0]}" if isinstance(groups, Mapping) else f"{groups!r} does not fit {without[0]}"
        more = f" and {len(without) - 1} more" if len(without) > 1 else ""
        raise InputError(
            f"{key}: {lacks}{more}; every volume needs a group. Use a pattern that fits all names ({GROUP}, * and ?), "
            "or a table of names and groups."
        )
    return {name: group for name, group in found.items() if group is not None}


def members(names: Iterable[str], groups: Groups) -> dict[str, list[str]]:
    """Give the volumes of each group; errors are those of `groups_of`."""
    found: dict[str, list[str]] = {}
    for name, group in groups_of(names, groups).items():
        found.setdefault(group, []).append(name)
    return found
