"""F1 of all test volumes together, by IoU threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auxcpvloss.looking.compare.runs import Group
from auxcpvloss.looking.compare.tables import frame
from auxcpvloss.looking.table import Cell, PaperTable
from auxcpvloss.metrics import average_precision, f1
from auxcpvloss.metrics.metric import Numbers
from auxcpvloss.metrics.table import numbers_in, pooled

BY_DEFAULT = {f"{t:g}": f"{path}.fscore" for t, path in average_precision.PATHS.items() if t >= f1.THRESHOLDS[0]}
ON_REQUEST = {**{f"{t:g}": f"{path}.fscore" for t, path in f1.PATHS.items()}, "mean": "f1.mean"}
NOTE = "True positives, false positives and false negatives of all test volumes added up; mean and range over runs."
MORE = ' More thresholds with evaluation.metrics = ["f1"].'

Runs = dict[str, list[Numbers]]
"""The pooled numbers of each run, by group."""


def pooled_f1(groups: Sequence[Group]) -> PaperTable | None:
    """Give the F1 of all test volumes together, at the thresholds that all runs have; None if no run has any.

    Those up to 0.95, and the mean, are there where ``evaluation.metrics`` has "f1".
    """
    runs = {group.name: [numbers_in(pooled([*run.scores.values()])) for run in group.runs] for group in groups}
    scored, paths = _with(ON_REQUEST, runs), ON_REQUEST
    if len(scored) < len(of_default := _with(BY_DEFAULT, runs)):
        scored, paths = of_default, BY_DEFAULT
    if not scored:
        return None
    columns = [f"F1 {name}" for name in paths]
    rows: list[tuple[Cell, ...]] = []
    data: list[tuple[Cell, ...]] = []
    for name, numbers in scored.items():
        values = [[each[path] for each in numbers] for path in paths.values()]
        lines = {"mean": [sum(each) / len(each) for each in values]}
        rows.append((name, str(len(numbers)), "mean", *(f"{value:.3f}" for value in lines["mean"])))
        if len(numbers) > 1:
            lines |= {"worst_run": [min(each) for each in values], "best_run": [max(each) for each in values]}
            ranges = (f"{min(each):.3f}–{max(each):.3f}" for each in values)
            rows.append(("", "", "range of runs", *ranges))
        data += [(name, statistic, *line) for statistic, line in lines.items()]
    return PaperTable(
        name="pooled_f1",
        title="F1 of all test volumes together at IoU above",
        note=NOTE if paths is ON_REQUEST else NOTE + MORE,
        columns=("model", "runs", "", *columns),
        rows=rows,
        data=frame(("model", "statistic", *columns), data),
    )


def _with(paths: Mapping[str, str], runs: Runs) -> Runs:
    return {
        name: numbers
        for name, numbers in runs.items()
        if all(path in each for each in numbers for path in paths.values())
    }
