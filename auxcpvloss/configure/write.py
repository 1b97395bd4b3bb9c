"""The file of a configuration, with the reasons for its keys."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from auxcpvloss.config import inline
from auxcpvloss.configure.decision import Decision

WIDTH = 120
ORDER = (
    "data", "preprocessing", "model", "optimizer", "training", "training.augmentation.elastic", "validation",
    "evaluation",
)  # fmt: skip
"""Of the tables."""


def as_text(decisions: Sequence[Decision], remarks: Iterable[str]) -> str:
    """Write decisions as toml: each key below the reason for its value.

    Parameters
    ----------
    decisions : sequence of Decision
        Of tables in `ORDER`.
    remarks : iterable of str
        What the file begins with.
    """
    parts = ["\n".join(_comment(remark) for remark in remarks)]
    for table in ORDER:
        own = [each for each in decisions if each.key.rpartition(".")[0] == table]
        if own:
            parts.append("\n".join([f"[{table}]", *map(_lines, own)]))
    return "\n\n".join(parts) + "\n"


def _lines(decision: Decision) -> str:
    line = f"{decision.key.rpartition('.')[2]} = {inline(decision.value)}"
    return f"{_comment(_sentence(decision.why))}\n{line}" if decision.why else line


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _comment(text: str) -> str:
    # A line break in a name must not end the comment.
    return textwrap.fill(" ".join(text.split()), WIDTH, initial_indent="# ", subsequent_indent="# ")
