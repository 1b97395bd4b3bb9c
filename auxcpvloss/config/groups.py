"""The key data.groups: which volumes belong together, by a pattern of their names or by a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

GROUP = "{group}"
"""In a pattern: the part of a name that names the group."""
MOST_STARS, MOST_LETTERS = 2, 200
"""In a pattern: more would be slow to match, and help nobody."""


def checked_groups(groups: Any) -> Any:
    """Give back a pattern or a table of groups; a `ValueError` says what is wrong with anything else."""
    if isinstance(groups, Mapping):
        for name, group in groups.items():
            if not isinstance(group, str) or not group:
                raise ValueError(f"{name}: expected the name of its group, not {group!r}")
    elif not isinstance(groups, str):
        raise ValueError(f"{groups!r}: expected a pattern such as '{GROUP}_t*', or a table of volumes and groups")
    elif groups:
        rest = groups.replace(GROUP, "", 1)
        if GROUP not in groups or set(rest) & set("{}") or len(groups) > MOST_LETTERS:
            raise ValueError(f"{groups[:MOST_LETTERS]!r}: expected a name with {GROUP} once, such as '{GROUP}_t*'")
        if rest.count("*") > MOST_STARS:
            raise ValueError(f"{groups!r}: has more than {MOST_STARS} *")
    return groups


Groups = Annotated[str | dict[str, str], BeforeValidator(checked_groups)]
