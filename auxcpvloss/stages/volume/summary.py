"""The tables over all scored volumes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from auxcpvloss.experiment.fingerprint import Record
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import Result, read_table, stored_beside
from auxcpvloss.metrics.average_precision import PATHS
from auxcpvloss.metrics.metric_card import card_of_volumes
from auxcpvloss.metrics.table import defined_numbers, numbers_in, pooled, value_at, without_nuclei
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume import scores
from auxcpvloss.stages.volume.scores import scores_of
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.files import write_text
from auxcpvloss.system.printable import for_spreadsheet

RATIOS = {"TP": "TP", "FP": "FP", "FN": "FN", "precision": "precision", "recall": "recall", "F1": "fscore", "AP": "AP"}
"""Headings of the detection scores."""

TABLES = {"summary.csv": "summary", "scores.csv": "table of all scores", "metrics.txt": "metric card"}
"""Files about all volumes together, and their names for users."""

Row = list[Any]


def summaries_of(run: Run, scored: Sequence[Subject]) -> Iterable[Result]:
    """Say what the tables over all scored volumes are to be made from."""
    options = run.experiment.config.evaluation
    # A table of the reader's own says all that it shows.
    shown = {} if options.summary else {"do_detection": run.experiment.is_detection}
    results = [scores_of(run, subject) for subject in scored]
    # Earlier versions included them in means.
    empty = [subject.sample.name for subject in scored if not subject.sample.has_nuclei]
    made_from = {
        **({"without nuclei": empty} if empty else {}),
        f"version of {scores.NAME}": scores.VERSION,
        "evaluation": {"summary": options.summary, **shown},
        "predictions": {each.name: each.record for each in results},
    }
    record, folder = run.records.flat(made_from), results[0].paths[0].parent
    for path, kind in {folder / name: kind for name, kind in TABLES.items()}.items():
        yield Result(scores.NAME, kind, "", (path,), record, stored_beside(path), tuple(scored), is_beside=True)


def write_table(experiment: Experiment, tables: Mapping[str, Record], path: Path) -> None:
    """Write one of the tables: what is printed, every score, or what they mean.

    A volume that lacks a score (one of instances, where there are no masks) has an empty cell, and counts neither in
    the mean nor in the pooled value; one without nuclei has counts alone, which count in the pooled values.
    """
    if path.name == "summary.csv":
        _, columns = _columns(experiment, tables)
        text = _csv(["volume", *columns], _rows(tables, list(columns.values())))
    elif path.name == "scores.csv":
        paths = list(dict.fromkeys(path for table in tables.values() for path in numbers_in(table)))
        cells = [(name, *cell) for name, *row in _rows(tables, paths) for cell in zip(paths, row, strict=True)]
        text = _csv(["volume", "metric", "value"], [cell for cell in cells if cell[-1] is not None])
    else:
        text = card_of_volumes(table["metric_card"] for table in tables.values())
    write_text(path, text)


def read_scores(run: Run, scored: Iterable[Subject]) -> dict[str, Record]:
    """Read the scores of volumes, by name."""
    paths = {subject.sample.name: scores_of(run, subject).paths[0] for subject in scored}
    return {name: read_table(path) for name, path in paths.items()}


def show(run: Run, tables: Mapping[str, Record]) -> None:
    """Print the scores of volumes, their mean, and those of their counts pooled."""
    title, columns = _columns(run.experiment, tables)
    rows = _rows(tables, list(columns.values()))
    headings = ["volume", *(name.removeprefix("AP ").removeprefix("confusion_matrix.") for name in columns)]
    shown = [["-" if cell is None else cell for cell in row] for row in rows]
    run.terminal.table(f"{run.experiment.folder.name}: {title}", headings, shown)
    for name in without_nuclei(tables):
        false = value_at(tables[name], "general.num_pred")
        run.terminal.say(
            f"{name} has no nuclei: left out of the means; pooled scores count its {false} false positives"
        )


def _csv(heading: Row, rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(heading)
    writer.writerows(
        [f"{cell:.6f}" if isinstance(cell, float) else for_spreadsheet(cell) for cell in row] for row in rows
    )
    return text.getvalue()


def _columns(experiment: Experiment, tables: Mapping[str, Record]) -> tuple[str, dict[str, str]]:
    """Title of the table; heading and path of each score."""
    options = experiment.config.evaluation
    if options.summary:
        return "scores", {path: path for path in options.summary}
    detection = f"confusion_matrix.{options.detection}"
    has_segmentation = any("avAP" in table["confusion_matrix"] for table in tables.values())
    if experiment.is_detection or not has_segmentation:
        return f"detection ({options.detection})", {name: f"{detection}.{key}" for name, key in RATIOS.items()}
    thresholds = {f"AP {t:g}": f"{path}.AP" for t, path in PATHS.items()}
    others = {"avAP": "confusion_matrix.avAP", "PQ": "quality.PQ", "SEG": "quality.SEG"}
    return "AP at IoU above", {**thresholds, **others, "detection AP": f"{detection}.AP"}


def _rows(tables: Mapping[str, Record], paths: list[str]) -> list[Row]:
    numbers = [defined_numbers(table) for table in (*tables.values(), pooled(list(tables.values())))]
    *cells, together = ([each.get(path) for path in paths] for each in numbers)
    columns = [[cell for cell in column if cell is not None] for column in zip(*cells, strict=True)]
    mean = [float(np.mean(column)) if column else None for column in columns]
    return [*([name, *row] for name, row in zip(tables, cells, strict=True)), ["mean", *mean], ["pooled", *together]]
