"""The tables of the paper, filled with the scores of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from auxcpvloss.looking.compare import reference
from auxcpvloss.looking.compare.runs import AP, AVAP, Group, detection_path
from auxcpvloss.looking.compare.statistics import bootstrap_interval
from auxcpvloss.looking.table import Cell, PaperTable

NOTE = (
    "Means over runs and test volumes; range of the means of runs; 95 % interval of the mean by a bootstrap that draws "
    "runs and volumes (too narrow where there are few)."
)
GROUPED = (
    "Means over runs and groups of test volumes, each group counting the same; range of the means of runs; 95 % "
    "interval of the mean by a bootstrap that draws runs, groups, and volumes within each group (too narrow where "
    "there are few of them)."
)
PAPER_NOTE = (
    f"{reference.NAME}: as published, 3 runs on 7 volumes of C. elegans L1; these numbers say nothing about other "
    "volumes."
)
LINES = ("mean", "range of runs", "95 % interval", reference.NAME)
SEGMENTATION = {"avAP": AVAP, **{f"AP_{threshold:g}": path for threshold, path in AP.items()}}
DETECTION = "detection_AP"


class Estimate(NamedTuple):
    """A score of a group; None where it has none."""

    mean: float | None = None
    worst_run: float | None = None
    best_run: float | None = None
    interval_low: float | None = None
    interval_high: float | None = None
    paper: float | None = None

    @classmethod
    def of(cls, group: Group | None, name: str) -> Estimate:
        """Estimate one of `SEGMENTATION`, or `DETECTION`; a range needs two runs, an interval two groups as well."""
        if group is None:
            return cls()
        is_detection = name == DETECTION
        path = detection_path(group.runs[0].matching) if is_detection else SEGMENTATION[name]
        scores, units = group.scores(path), group.units(path)
        if scores is None or units is None:
            return cls()
        paper = reference.detection_of(group) if is_detection else reference.segmentation_of(group, name)
        runs = units.mean(axis=1)
        worst, best = (float(runs.min()), float(runs.max())) if len(runs) > 1 else (None, None)
        low, high = (None, None)
        if min(units.shape) > 1:
            low, high = bootstrap_interval(scores, groups=group.volume_groups(path))
        return cls(float(runs.mean()), worst, best, low, high, paper)

    @property
    def lines(self) -> tuple[Cell, Cell, Cell, Cell]:
        """What people see: a cell for each of `LINES`."""
        spans = (self.worst_run, self.best_run), (self.interval_low, self.interval_high)
        runs, interval = (None if low is None else f"{low:.3f}–{high:.3f}" for low, high in spans)
        return _shown(self.mean), runs, interval, _shown(self.paper)


Estimates = dict[tuple[str, ...], list[Estimate]]
"""Rows, by what names them."""


def summary(groups: Sequence[Group]) -> PaperTable:
    """Give what matters most, a line a group: avAP, AP at 0.5 and detection AP."""
    names, statistics = ("avAP", "AP_0.5", DETECTION), Estimate._fields[:-1]
    rows, data = [], []
    for group in groups:
        estimates = [Estimate.of(group, name) for name in names]
        data.append((group.name, len(group.runs), *(value for each in estimates for value in each[:-1])))
        instances, half, points = (each.lines[:3] for each in estimates)
        rows.append((group.name, str(len(group.runs)), *instances, half[0], *points))
    return PaperTable(
        name="summary",
        title="Scores",
        note=_note(groups),
        columns=("model", "runs", "avAP", "range", "95 %", "AP 0.5", "detection AP", "range", "95 %"),
        rows=rows,
        data=frame(("model", "runs", *(f"{name}_{statistic}" for name in names for statistic in statistics)), data),
    )


def table_1(groups: Sequence[Group]) -> PaperTable | None:
    """Segmentation: avAP, and AP at every IoU threshold; None if no group has it."""
    estimates: Estimates = {(group.name,): [Estimate.of(group, name) for name in SEGMENTATION] for group in groups}
    columns = [name.replace("_", " ") for name in SEGMENTATION]
    title, data_columns = "Segmentation: AP at IoU above", list(SEGMENTATION)
    table = _score_table("table_1", title, _note(groups), ("model",), columns, estimates, data_columns)
    if not table.rows:
        return None
    stardist = [reference.segmentation("stardist_3d", name) for name in SEGMENTATION]
    data = frame(table.data.columns, [*table.data.to_numpy().tolist(), ("stardist_3d", "paper", *stardist)])
    return replace(table, rows=[*table.rows, ("StarDist 3D", reference.NAME, *map(_shown, stardist))], data=data)


def table_2(groups: Sequence[Group]) -> PaperTable:
    """Detection, and beside it segmentation at the IoU threshold where the two about agree."""
    scores = {"detection AP": DETECTION, "segmentation AP 0.3": "AP_0.3"}
    estimates: Estimates = {(score,): [Estimate.of(group, name) for group in groups] for score, name in scores.items()}
    columns = [group.name for group in groups]
    return _score_table("table_2", "Detection", _note(groups), ("score",), columns, estimates)


def table_3(groups: Sequence[Group]) -> PaperTable:
    """Segmentation and detection by what validation went by, and by what makes the seeds."""
    scores = {"segmentation AP 0.5": "AP_0.5", "detection AP": DETECTION}
    there = {(group.model, group.runs[0].validated_on, group.runs[0].seeds): group for group in groups}
    models, kinds = list(dict.fromkeys(key[0] for key in there)), list(dict.fromkeys(key[1:] for key in there))
    estimates: Estimates = {
        (score, *kind): [Estimate.of(there.get((model, *kind)), name) for model in models]
        for score, name in scores.items()
        for kind in kinds
    }
    labels = ("score", "validated on", "seeds")
    return _score_table("table_3", "Validation and seeds", _note(groups), labels, models, estimates)


def frame(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> pd.DataFrame:
    """Lay out numbers for programs, integers among gaps staying integers."""
    return pd.DataFrame(rows, columns=list(columns), dtype=object)


def _note(groups: Sequence[Group]) -> str:
    return GROUPED if groups[0].runs[0].groups else NOTE


def _score_table(
    name: str,
    title: str,
    note: str,
    labels: tuple[str, ...],
    columns: Sequence[str],
    estimates: Estimates,
    data_columns: Sequence[str] = (),
) -> PaperTable:
    """Lay out rows of estimates by what names them: for people a row for each of `LINES`, for programs one a field."""
    rows: list[tuple[Cell, ...]] = []
    data: list[tuple[Cell, ...]] = []
    for key, estimated in estimates.items():
        if all(each.mean is None for each in estimated):
            continue
        data += [
            (*key, field, *column) for field, column in zip(Estimate._fields, zip(*estimated, strict=True), strict=True)
        ]
        lines = zip(LINES, zip(*(each.lines for each in estimated), strict=True), strict=True)
        shown = [(line, *cells) for line, cells in lines if any(cell is not None for cell in cells)]
        rows += [(*(key if number == 0 else ("",) * len(key)), *row) for number, row in enumerate(shown)]
    has_paper = any(each.paper is not None for row in estimates.values() for each in row)
    return PaperTable(
        name=name,
        title=title,
        note=f"{note} {PAPER_NOTE}" if has_paper else note,
        columns=(*labels, "", *columns),
        rows=rows,
        data=frame((*labels, "statistic", *(data_columns or columns)), data),
    )


def _shown(value: float | None) -> Cell:
    return None if value is None else f"{value:.3f}"
