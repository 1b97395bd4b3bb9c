"""A table for people: in a page, on the terminal, or in a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """A table for people.

    Attributes
    ----------
    title : str
    columns : sequence of str
    rows, totals : sequences of sequences of cells
        The first cell of each names it; totals stay below. None is a cell without a value.
    note : str
        What a reader has to know.
    is_sortable : bool
        Whether readers of a page can sort it; not if rows belong together.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    totals: Sequence[Sequence[Cell]] = ()
    note: str = ""
    is_sortable: bool = True
