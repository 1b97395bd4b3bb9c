"""A table for people: in a page, on the terminal, or in a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """A table for people, with a note on what they have to know.

    The first cell of each row names it; None is a cell without a value. Totals stay below. Readers of a page can
    sort it by its columns, unless rows belong together.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    totals: Sequence[Sequence[Cell]] = ()
    note: str = ""
    is_sortable: bool = True
