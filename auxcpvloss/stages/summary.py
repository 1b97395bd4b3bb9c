"""The table over all volumes that evaluate prints and writes."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.metrics import THRESHOLDS
from auxcpvloss.metrics.card import card_of_volumes
from auxcpvloss.metrics.table import number_paths, pooled, threshold_key, value_at
from auxcpvloss.stages.records import Result, beside, current, record_beside
from auxcpvloss.stages.stored import Record
from auxcpvloss.system.files import write_text
from auxcpvloss.system.terminal import Terminal

RATIOS = {
    "TP": "TP",
    "FP": "FP",
    "FN": "FN",
    "precision": "precision",
    "recall": "recall",
    "F1": "fscore",
    "AP": "AP",
}
"""Headings of the scores of a detection."""

TABLES = {"summary.csv": "summary", "scores.csv": "table of all scores", "metrics.txt": "metric card"}
"""What is written about all volumes together, and what people call it."""

Row = list[Any]


def summarize(experiment: Experiment, terminal: Terminal, tables: Mapping[str, Record], result: Result) -> None:
    """Print the scores of volumes, their mean, and those of their counts pooled; write them and what they mean.

    ``summary.csv`` is what is printed, ``scores.csv`` has every score, ``metrics.txt`` says what they are. A volume
    that lacks a score (one of instances, where there are no masks) has an empty cell, and counts neither in the mean
    nor in the pooled value.
    """
    title, columns = _columns(experiment, tables)
    matching = experiment.config.evaluation.detection
    rows = _rows(matching, tables, list(columns.values()))
    card = card_of_volumes(table["metric_card"] for table in tables.values())
    texts = (_csv(["volume", *columns], rows), _every_score(matching, tables), card)
    for (name, what), text in zip(TABLES.items(), texts, strict=True):
        part = beside(result, result.paths[0].with_name(name), f"the {what}")
        if not current(experiment, part):
            write_text(part.paths[0], text)
            record_beside(part)
    headings = ["volume", *(name.removeprefix("AP ").removeprefix("confusion_matrix.") for name in columns)]
    terminal.table(
        f"{experiment.folder.name}: {title}", headings, [["-" if c is None else c for c in row] for row in rows]
    )


def _csv(heading: Row, rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(heading)
    writer.writerows([f"{cell:.6f}" if isinstance(cell, float) else cell for cell in row] for row in rows)
    return text.getvalue()


def _every_score(matching: str, tables: Mapping[str, Record]) -> str:
    """Give a line a volume and score; one that a volume lacks has none."""
    paths = list(dict.fromkeys(path for table in tables.values() for path in number_paths(table)))
    rows = _rows(matching, tables, paths)
    lines = [[name, path, cell] for name, *cells in rows for path, cell in zip(paths, cells, strict=True)]
    return _csv(["volume", "metric", "value"], [line for line in lines if line[-1] is not None])


def _columns(experiment: Experiment, tables: Mapping[str, Record]) -> tuple[str, dict[str, str]]:
    """Title of the table; heading and path of each score."""
    options = experiment.config.evaluation
    if options.summary:
        return "scores", {path: path for path in options.summary}
    detection = f"confusion_matrix.{options.detection}"
    has_segmentation = any("avAP" in table["confusion_matrix"] for table in tables.values())
    if experiment.is_detection or not has_segmentation:
        return f"detection ({options.detection})", {name: f"{detection}.{key}" for name, key in RATIOS.items()}
    thresholds = {f"AP {t:g}": f"confusion_matrix.{threshold_key(t)}.AP" for t in THRESHOLDS}
    others = {"avAP": "confusion_matrix.avAP", "PQ": "quality.PQ", "SEG": "quality.SEG"}
    return "AP at IoU above", {**thresholds, **others, "detection AP": f"{detection}.AP"}


def _rows(matching: str, tables: Mapping[str, Record], paths: list[str]) -> list[Row]:
    cells = [[_cell(table, path) for path in paths] for table in tables.values()]
    columns = [[cell for cell in column if cell is not None] for column in zip(*cells, strict=True)]
    mean = [float(np.mean(column)) if column else None for column in columns]
    together = pooled(matching, list(tables.values()))
    return [
        *([name, *row] for name, row in zip(tables, cells, strict=True)),
        ["mean", *mean],
        ["pooled", *(_cell(together, path) for path in paths)],
    ]


def _cell(table: Mapping[str, Any], path: str) -> Any:
    try:
        return value_at(table, path)
    except KeyError:
        return None
