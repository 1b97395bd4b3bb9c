"""Names and messages as they may be shown on a terminal, in a log and in a spreadsheet."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")

FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""What a formula begins with, the last four in some languages."""


def printable(text: str) -> str:
    r"""Write line breaks, control characters and what cannot be encoded as escape sequences, such as ``\n``."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def for_spreadsheet(cell: T) -> T | str:
    """Put an apostrophe before a text that a spreadsheet would take for a formula; a number stays one."""
    if not isinstance(cell, str) or not cell.startswith(FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def from_spreadsheet(cell: str) -> str:
    """Give the text that was written by `for_spreadsheet`."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
