"""The scores of the test volumes, as tables of the report."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.looking.report.page import Section
from auxcpvloss.looking.table import Cell, Table
from auxcpvloss.metrics.strata import DENSITIES, NEIGHBOURS, REACH, SIZES
from auxcpvloss.metrics.table import pooled

POOLED = "all volumes pooled, at an IoU above 0.5."
CLASSES = {
    "by_size": ("Size", SIZES, f"Thirds of the true nuclei of each volume; {POOLED}"),
    "by_density": (
        "Local density",
        DENSITIES,
        f"True nuclei whose center lies within {REACH:g} mean diameters: up to {NEIGHBOURS[0]}, up to "
        f"{NEIGHBOURS[1]}, more; {POOLED}",
    ),
}
COLUMNS = {"nuclei": "num_gt", "found": "recall", "results": "num_pred", "right": "precision"}


def score_section(config: Config, folder: Path, tables: Mapping[str, Mapping[str, Any]]) -> Section:
    """Give the table that evaluate wrote, how nuclei of a size or density came out, and what the scores mean."""
    together = pooled(config.evaluation.detection, list(tables.values()))
    classes = [_by_class(*each, together[name]) for name, each in CLASSES.items() if name in together]
    card = (folder / "metrics.txt").read_text(encoding="utf-8")
    shown = [_summary(folder / "summary.csv"), *classes]
    return Section("scores", "Scores", tables=shown, code=card, summary="What the scores mean")


def _summary(path: Path) -> Table:
    """Read the table that evaluate wrote; its last two rows are over all volumes."""
    with path.open(newline="", encoding="utf-8") as file:
        headings, *rows = csv.reader(file)
    cells = [[row[0], *map(_cell, row[1:])] for row in rows]
    note = "mean: over volumes, as in the paper. pooled: of all volumes together, each nucleus counting the same."
    return Table("Test volumes", headings, cells[:-2], cells[-2:], note)


def _cell(text: str) -> Cell:
    if not text:
        return None
    return float(text) if "." in text else int(text)


def _by_class(heading: str, names: Sequence[str], note: str, table: Mapping[str, Any]) -> Table:
    rows = [[name, *(table[name].get(key) for key in COLUMNS.values())] for name in names]
    return Table(heading, ["class", *COLUMNS], rows, note=note)
