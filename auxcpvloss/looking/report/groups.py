"""Scores by group of volumes (data.groups): a group counts as one, however many volumes it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auxcpvloss.looking.table import Cell, DisplayTable

NOTE = (
    "Means over the volumes of each group (data.groups). mean: over groups, each counting the same. Volumes of a group "
    "are not independent of each other, so this mean is over fewer values than the one over volumes, and more honest."
)


def mean_by_group(volumes: DisplayTable, groups: Mapping[str, str]) -> DisplayTable:
    """Give means over the volumes of each group, and over groups.

    Parameters
    ----------
    volumes : DisplayTable
        A row a volume, named by its first cell. Cells without a value, and whatever is no number, do not count.
    groups : mapping
        Volume -> group.
    """
    by_group: dict[str, list[Sequence[Cell]]] = {}
    for name, *cells in volumes.rows:
        by_group.setdefault(groups[str(name)], []).append(cells)
    rows = {group: _means(of_volumes) for group, of_volumes in sorted(by_group.items())}
    counted = [[group, len(by_group[group]), *means] for group, means in rows.items()]
    total: list[Cell] = ["mean", sum(map(len, by_group.values())), *_means(list(rows.values()))]
    _, *headings = volumes.columns
    return DisplayTable("Groups of test volumes", ["group", "volumes", *headings], counted, [total], NOTE)


def _means(rows: Sequence[Sequence[Cell]]) -> list[Cell]:
    columns = [[cell for cell in column if isinstance(cell, int | float)] for column in zip(*rows, strict=True)]
    return [sum(column) / len(column) if column else None for column in columns]
