"""The scores of the test volumes, as tables of the report."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import Selection
from auxcpvloss.looking.report.page import Cell, Section, Table
from auxcpvloss.metrics.strata import DENSITIES, NEIGHBOURS, REACH, SIZES
from auxcpvloss.metrics.table import pooled
from auxcpvloss.stages.scoring import scores_of
from auxcpvloss.stages.testing import SPLIT, summary_of

CLASSES = {"by_size": ("Size", SIZES), "by_density": ("Local density", DENSITIES)}


def score_sections(experiment: Experiment, selection: Selection, scored: Sequence[Sample]) -> list[Section]:
    """Give the table that evaluate wrote, how nuclei of a size or density came out, and what the scores mean."""
    if not scored:
        return []
    path = summary_of(experiment, selection, list(scored)).paths[0]
    paths = [scores_of(experiment, SPLIT, selection.checkpoint, selection.params, each).paths[0] for each in scored]
    tables = [tomllib.loads(each.read_text(encoding="utf-8")) for each in paths]
    together = pooled(experiment.config.evaluation.detection, tables)
    classes = [_by_class(*each, together[name]) for name, each in CLASSES.items() if name in together]
    return [
        Section(
            "scores",
            "Scores",
            tables=[_summary(path), *classes],
            code=path.with_name("metrics.txt").read_text(encoding="utf-8"),
            summary="What the scores mean",
        )
    ]


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


def _by_class(heading: str, names: Sequence[str], table: Mapping[str, Any]) -> Table:
    notes = {
        "Size": "Thirds of the true nuclei of each volume; all volumes pooled, at an IoU above 0.5.",
        "Local density": f"True nuclei whose center lies within {REACH:g} mean diameters: up to {NEIGHBOURS[0]}, up to "
        f"{NEIGHBOURS[1]}, more; all volumes pooled, at an IoU above 0.5.",
    }
    columns = {"nuclei": "num_gt", "found": "recall", "results": "num_pred", "right": "precision"}
    rows: list[list[Cell]] = [[name, *(table[name].get(key) for key in columns.values())] for name in names]
    return Table(heading, ["class", *columns], rows, note=notes[heading])
