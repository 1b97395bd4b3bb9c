"""A folder of several data sets, each in a folder of its own, such as one of each cell line."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.format import Format, visible
from auxcpvloss.data.sources.source import Source
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.names import checked_name


def data_sets(where: Path, formats: Collection[Format], data: Data) -> list[Path]:
    """Give the folders in a folder if one of them holds volumes, by name; else none."""
    if not where.is_dir():
        return []
    folders = [each for each in visible(where) if each.is_dir()]
    return folders if any(_holds(folder, formats, data) for folder in folders) else []


def together(found: Mapping[str, Sequence[Source]]) -> list[Source]:
    """Give the volumes of data sets as those of one: b of the data set A is called A_b.

    Raises
    ------
    InputError
        Two are called alike, or a name is too long.
    """
    named: dict[str, Source] = {}
    for prefix, sources in found.items():
        for source in sources:
            name = checked_name(f"{prefix}_{source.name}", f"{source.origin}: the name of the volume")
            if name in named:
                raise InputError(
                    f"{named[name].origin} and {source.origin}: both are called {name}, by folder and file; rename one "
                    "of them"
                )
            named[name] = replace(source, name=name)
    return list(named.values())


def _holds(folder: Path, formats: Collection[Format], data: Data) -> bool:
    return any(each.is_in(place, data) for each in formats for place in each.places(folder, data).values())
