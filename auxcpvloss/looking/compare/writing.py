"""Tables as CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from auxcpvloss.looking.compare.comparison import Comparison, Table, printable
from auxcpvloss.metrics.table import number_paths, value_at

LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "–": "--",
    "[": "{[}", "]": "{]}",
}  # fmt: skip
"""A bracket that begins a row would be an argument of the end of the row before."""
MARKDOWN = {
    "|": r"\|", "<": "&lt;", "&": "&amp;", "\\": r"\\", "_": r"\_", "*": r"\*", "`": r"\`", "~": r"\~",
    "[": r"\[", "]": r"\]",
}  # fmt: skip


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Give rows as CSV: all digits of numbers, nothing for what is None."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def as_markdown(table: Table) -> str:
    """Give a table as a section of Markdown, with title and note."""
    head, *lines = (
        f"| {' | '.join(_escape(cell, MARKDOWN) for cell in row)} |" for row in (table.columns, *table.rows)
    )
    rule = f"|{' --- |' * len(table.columns)}"
    return "\n".join([f"## {table.heading}", "", head, rule, *lines, "", table.note, ""])


def as_latex(table: Table) -> str:
    """Give a table as LaTeX, to be input into a document; it needs the package booktabs."""
    layout = "".join(
        "r" if any(_is_number(cell) for cell in column) else "l" for column in zip(*table.rows, strict=True)
    )
    lines = [f"{' & '.join(_escape(cell, LATEX) for cell in row)} \\\\" for row in (table.columns, *table.rows)]
    note = _escape(f"{table.title}. {table.note}", LATEX)
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}",
            "\\begin{table}",
            "\\centering",
            f"\\begin{{tabular}}{{{layout}}}",
            "\\toprule",
            lines[0],
            "\\midrule",
            *lines[1:],
            "\\bottomrule",
            "\\end{tabular}",
            f"\\caption{{{note}}}",
            "\\end{table}",
            "",
        ]
    )


FORMATS: dict[str, Callable[[Table], str]] = {
    "csv": lambda table: as_csv(table.data_columns, table.data),
    "md": as_markdown,
    "tex": as_latex,
}
"""Suffix of the file, and what writes it."""


def verdicts_as_csv(comparison: Comparison) -> str:
    """Give the verdicts, a line each."""
    keys = ("metric", "baseline", "other", "word", "difference", "low", "high", "p", "p_holm")
    return as_csv(
        ("metric", "baseline", "other", "verdict", "difference", "interval_low", "interval_high", "p", "p_holm"),
        [[getattr(verdict, key) for key in keys] for verdict in comparison.verdicts],
    )


def scores_as_csv(comparison: Comparison) -> str:
    """Give every score of every run on every volume, a line each, for one's own statistics."""
    rows = []
    for group in comparison.groups:
        for run in group.runs:
            for volume, table in run.scores.items():
                for path in number_paths(table):
                    rows.append((group.name, run.name, run.seed, volume, path, value_at(table, path)))
    return as_csv(("model", "run", "seed", "volume", "metric", "value"), rows)


def document(comparison: Comparison) -> str:
    """Give all in one Markdown file: verdicts first."""
    verdicts = [f"- {_escape(verdict.sentence, MARKDOWN)}" for verdict in comparison.verdicts]
    remarks = [f"- {_escape(remark, MARKDOWN)}" for remark in comparison.remarks]
    runs = sum(len(group.runs) for group in comparison.groups)
    parts = [
        "# Comparison",
        f"Runs: {runs}, models: {len(comparison.groups)}, "
        f"test volumes: {_escape(', '.join(comparison.volumes), MARKDOWN)}.",
        *(["## Verdicts", "\n".join(verdicts)] if verdicts else []),
        *(["## To be known", "\n".join(remarks)] if remarks else []),
        *(as_markdown(table) for table in comparison.tables),
    ]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _escape(text: str, special: dict[str, str]) -> str:
    return "".join(special.get(letter, letter) for letter in printable(text))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?[\d.–]*\d", text) is not None
