"""Tables for people: in a page, on the terminal, or in a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

Cell = str | int | float | None


@dataclass(frozen=True)
class DisplayTable:
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


@dataclass(frozen=True, kw_only=True, eq=False)
class PaperTable(DisplayTable):
    """A table that is written to files called `name`, with its numbers for programs in `data`, all digits."""

    name: str
    data: pd.DataFrame
    # A row may go on with the one above.
    is_sortable: bool = False

    @property
    def heading(self) -> str:
        """The title, with the number that the table has in the paper."""
        number = self.name.removeprefix("table_")
        return f"Table {number}. {self.title}" if number.isdecimal() else self.title
