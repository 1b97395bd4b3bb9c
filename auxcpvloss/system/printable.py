"""Names and messages as they may be shown on a terminal, in a log and in a spreadsheet."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Write line breaks, control characters and what cannot be encoded as escape sequences, such as ``\n``."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
