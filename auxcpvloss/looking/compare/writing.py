"""A comparison as CSV, Markdown and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from auxcpvloss.looking.compare.comparison import RunComparison
from auxcpvloss.looking.compare.runs import plain_text
from auxcpvloss.looking.compare.tables import frame
from auxcpvloss.looking.table import Cell, PaperTable
from auxcpvloss.metrics.table import defined_numbers
from auxcpvloss.system.printable import for_spreadsheet

NONE = "-"
LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "–": "--",
    "[": "{[}", "]": "{]}",
}  # fmt: skip
"""LaTeX takes a bracket that begins a row for an argument of the preceding row end."""
MARKDOWN = {
    "|": r"\|", "<": "&lt;", "&": "&amp;", "\\": r"\\", "_": r"\_", "*": r"\*", "`": r"\`", "~": r"\~",
    "[": r"\[", "]": r"\]",
}  # fmt: skip


def as_csv(data: pd.DataFrame) -> str:
    """Give rows as CSV: all digits of numbers, nothing for what is None."""
    return str(data.rename(columns=for_spreadsheet).map(for_spreadsheet).to_csv(index=False, lineterminator="\r\n"))


def as_markdown(table: PaperTable) -> str:
    """Give a table as a section of Markdown, with title and note."""
    return _render("table.md", table=table)


def as_latex(table: PaperTable) -> str:
    """Give a table as LaTeX, to be input into a document; it needs the package booktabs."""
    columns = zip(*table.rows, strict=True)
    layout = "".join("r" if any(_is_number(cell) for cell in column) else "l" for column in columns)
    return _render("table.tex", table=table, layout=layout)


FORMATS: dict[str, Callable[[PaperTable], str]] = {
    "csv": lambda table: as_csv(table.data),
    "md": as_markdown,
    "tex": as_latex,
}
"""File suffix -> function that writes the file."""


def verdicts_as_csv(comparison: RunComparison) -> str:
    """Give the verdicts, a line each."""
    keys = (
        "metric",
        "baseline",
        "other",
        "adds",
        "word",
        "difference",
        "low",
        "high",
        "p",
        "p_holm",
        "units",
        "p_sign_flip",
    )
    names = {"word": "verdict", "low": "interval_low", "high": "interval_high"}
    rows = [[getattr(verdict, key) for key in keys] for verdict in comparison.verdicts]
    return as_csv(frame([names.get(key, key) for key in keys], rows))


def scores_as_csv(comparison: RunComparison) -> str:
    """Give every score of every run on every volume that has it, a line each, for one's own statistics."""
    rows = []
    for group in comparison.groups:
        for run in group.runs:
            for volume, table in run.scores.items():
                belongs = run.groups.get(volume, volume)
                for path, value in defined_numbers(table).items():
                    rows.append((group.name, run.name, run.seed, volume, belongs, path, value))
    return as_csv(frame(("model", "run", "seed", "volume", "group", "metric", "value"), rows))


def document(comparison: RunComparison) -> str:
    """Give all in one Markdown file: verdicts first."""
    runs = sum(len(group.runs) for group in comparison.groups)
    lists = {"Verdicts": [verdict.sentence for verdict in comparison.verdicts], "To be known": comparison.remarks}
    return _render("comparison.md", comparison=comparison, runs=runs, lists=lists)


@cache
def _templates() -> Environment:
    # LaTeX has other uses for the usual delimiters.
    environment = Environment(
        loader=PackageLoader("auxcpvloss.looking.compare"),
        undefined=StrictUndefined,
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for name, special in (("latex", LATEX), ("markdown", MARKDOWN)):
        environment.filters[name] = _escaping(special)
    return environment


def _render(name: str, **values: Any) -> str:
    return _templates().get_template(f"{name}.jinja").render(values)


def _escaping(special: dict[str, str]) -> Callable[[Cell], str]:
    letters = str.maketrans(special)
    return lambda cell: NONE if cell is None else plain_text(str(cell)).translate(letters)


def _is_number(cell: Cell) -> bool:
    return re.fullmatch(r"-?[\d.–]*\d", str(cell)) is not None
