"""The tables of the paper, filled with the scores of runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.looking.compare import reference
from auxcpvloss.looking.compare.comparison import AP, AVAP, Group, Table, detection_path
from auxcpvloss.looking.compare.statistics import bootstrap_interval

NONE = "-"
NOTE = (
    "Means over runs and test volumes; range of the means of runs; 95 % interval of the mean by a bootstrap that draws "
    "runs and volumes (too narrow where there are few)."
)
PAPER_NOTE = (
    f"{reference.NAME}: as published, 3 runs on 7 volumes of C. elegans L1; it says nothing about other volumes."
)
STATISTICS = ("mean", "worst_run", "best_run", "interval_low", "interval_high", "paper")
LINES = ("mean", "range of runs", "95 % interval", reference.NAME)


@dataclass(frozen=True)
class Estimate:
    """A score of a group: the fields are those of `STATISTICS`."""

    mean: float
    worst: float | None
    best: float | None
    low: float | None
    high: float | None
    paper: float | None = None

    @classmethod
    def of(cls, scores: NDArray[np.float64] | None, paper: float | None = None) -> Estimate | None:
        """Estimate from (runs, volumes); a range needs two runs, an interval two volumes as well."""
        if scores is None:
            return None
        runs = scores.mean(axis=1)
        worst, best = (float(runs.min()), float(runs.max())) if len(runs) > 1 else (None, None)
        low, high = bootstrap_interval(scores) if min(scores.shape) > 1 else (None, None)
        return cls(float(runs.mean()), worst, best, low, high, paper)

    def lines(self) -> tuple[str, str, str, str]:
        """Give what people see: one text for each of `LINES`."""
        return (_shown(self.mean), _span(self.worst, self.best), _span(self.low, self.high), _shown(self.paper))


Cells = Sequence[Estimate | None]


def summary(groups: Sequence[Group], matching: str) -> Table:
    """Give what matters most, a line a group: avAP, AP at 0.5 and detection AP."""
    paths = {"avAP": AVAP, "AP_0.5": AP[0.5], "detection_AP": detection_path(matching)}
    rows, data = [], []
    for group in groups:
        estimates = [Estimate.of(group.scores(path)) for path in paths.values()]
        numbers = [value for each in estimates for value in (astuple(each)[:5] if each else (None,) * 5)]
        data.append((group.name, len(group.runs), *numbers))
        instances, half, points = (each.lines()[:3] if each else (NONE,) * 3 for each in estimates)
        rows.append((group.name, str(len(group.runs)), *instances, half[0], *points))
    return Table(
        name="summary",
        title="Scores",
        note=NOTE,
        columns=("model", "runs", "avAP", "range", "95 %", "AP 0.5", "detection AP", "range", "95 %"),
        rows=tuple(rows),
        data_columns=("model", "runs", *(f"{name}_{each}" for name in paths for each in STATISTICS[:5])),
        data=tuple(data),
    )


def table_1(groups: Sequence[Group]) -> Table | None:
    """Segmentation: avAP, and AP at every IoU threshold; None where no group has it."""
    paths = {"avAP": AVAP} | {f"AP_{threshold:g}": path for threshold, path in AP.items()}
    cells: dict[tuple[str, ...], Cells] = {
        (group.name,): [
            Estimate.of(group.scores(path), reference.segmentation_of(group, name)) for name, path in paths.items()
        ]
        for group in groups
    }
    if not (cells := {key: row for key, row in cells.items() if any(row)}):
        return None
    columns = ["avAP", *(f"AP {threshold:g}" for threshold in AP)]
    table = _score_table("table_1", "Segmentation: AP at IoU above", ("model",), columns, cells, list(paths))
    stardist = [reference.segmentation("stardist_3d", name) for name in paths]
    row = ("StarDist 3D", reference.NAME, *map(_shown, stardist))
    return Table(
        **{**vars(table), "rows": (*table.rows, row), "data": (*table.data, ("stardist_3d", "paper", *stardist))}
    )


def table_2(groups: Sequence[Group], matching: str) -> Table:
    """Detection, and beside it segmentation at the IoU threshold where the two about agree."""
    path = detection_path(matching)
    detected = [Estimate.of(group.scores(path), reference.detection_of(group, matching)) for group in groups]
    segmented = [Estimate.of(group.scores(AP[0.3]), reference.segmentation_of(group, "AP_0.3")) for group in groups]
    cells: dict[tuple[str, ...], Cells] = {("detection AP",): detected}
    if any(segmented):
        cells["segmentation AP 0.3",] = segmented
    return _score_table("table_2", "Detection", ("score",), [group.name for group in groups], cells)


def table_3(groups: Sequence[Group], matching: str) -> Table:
    """Segmentation and detection by what validation went by, and by what makes the seeds."""
    models = list(dict.fromkeys(group.model for group in groups))
    kinds = list(dict.fromkeys((group.runs[0].validated_on, group.runs[0].seeds) for group in groups))
    there = {(group.model, group.runs[0].validated_on, group.runs[0].seeds): group for group in groups}
    cells: dict[tuple[str, ...], Cells] = {}
    for kind in kinds:
        each = [there.get((model, *kind)) for model in models]
        for score, path, paper in (
            ("segmentation AP 0.5", AP[0.5], lambda group: reference.segmentation_of(group, "AP_0.5")),
            ("detection AP", detection_path(matching), lambda group: reference.detection_of(group, matching)),
        ):
            row = [Estimate.of(group.scores(path), paper(group)) if group else None for group in each]
            if any(row):
                cells[(score, *kind)] = row
    ordered = dict(sorted(cells.items(), key=lambda item: item[0][0], reverse=True))
    return _score_table("table_3", "Validation and seeds", ("score", "validated on", "seeds"), models, ordered)


def _score_table(
    name: str,
    title: str,
    labels: tuple[str, ...],
    columns: Sequence[str],
    cells: dict[tuple[str, ...], Cells],
    data_columns: Sequence[str] = (),
) -> Table:
    """Lay out rows of estimates: for people a line for each of `LINES`, for programs one for each of `STATISTICS`."""
    has_paper = any(cell.paper is not None for row in cells.values() for cell in row if cell)
    return Table(
        name=name,
        title=title,
        note=f"{NOTE} {PAPER_NOTE}" if has_paper else NOTE,
        columns=(*labels, "", *columns),
        rows=tuple(_lines(cells)),
        data_columns=(*labels, "statistic", *(data_columns or columns)),
        data=tuple(_data(cells)),
    )


def _lines(cells: dict[tuple[str, ...], Cells]) -> Iterator[tuple[str, ...]]:
    for key, row in cells.items():
        for number, line in enumerate(LINES):
            texts = [cell.lines()[number] if cell else NONE for cell in row]
            if any(text != NONE for text in texts):
                yield (*(key if number == 0 else ("",) * len(key)), line, *texts)


def _data(cells: dict[tuple[str, ...], Cells]) -> Iterator[tuple[Any, ...]]:
    for key, row in cells.items():
        for number, statistic in enumerate(STATISTICS):
            yield (*key, statistic, *(astuple(cell)[number] if cell else None for cell in row))


def _shown(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def _span(low: float | None, high: float | None) -> str:
    return NONE if low is None or high is None else f"{low:.3f}–{high:.3f}"
