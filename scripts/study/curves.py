"""Draw the scores of a grid against the values of an axis, a line each value of another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auxcpvloss.looking.figures.palette import LINES
from study.axes import Curves, values_of
from study.comparison import of_variant
from study.plan import Study
from study.run import Record
from study.scores import of_runs, spoken

DPI = 110
MARKS = "osD^vP"
Points = dict[float, list[float]]
"""Place on the axis -> score of each seed."""


def curves(study: Study, records: Sequence[Record]) -> Figure | None:
    """Draw a row of panels each score; None if the study is no grid, or there is nothing yet."""
    drawn = study.curves
    if drawn is None or not (found := points(study, drawn, records)):
        return None
    panels = list(dict.fromkeys(panel for panel, _ in found))
    figure = Figure((1 + 3.2 * len(panels), 0.6 + 2.6 * len(drawn.metrics)), dpi=DPI, layout="constrained")
    grid = figure.subplots(len(drawn.metrics), len(panels), squeeze=False, sharex=True, sharey="row")
    for row, metric in zip(grid, drawn.metrics, strict=True):
        for ax, panel in zip(row, panels, strict=True):
            lines = {line: each[metric] for (where, line), each in found.items() if where == panel and metric in each}
            _draw(ax, study, drawn, lines)
        row[0].set_ylabel(spoken(metric), fontsize=9)
    for ax, panel in zip(grid[0], panels, strict=True):
        ax.set_title(_about(study, drawn.panels, panel), fontsize=9)
    for ax in grid[-1]:
        ax.set_xlabel(drawn.about, fontsize=9)
    # A panel may lack some of the lines.
    drawn_once = dict(zip(*reversed(_handles(grid.flat)), strict=True))
    order = [_about(study, drawn.lines, line) for line in study.axes.get(drawn.lines, ())]
    labels = sorted(drawn_once, key=order.index) if order else []
    figure.legend(
        [drawn_once[each] for each in labels], labels, loc="outside lower center", ncols=3, fontsize=8, frameon=False
    )
    return figure


def _handles(every: Iterable[Axes]) -> tuple[list[Any], list[str]]:
    """Give the lines of all panels and their labels."""
    found = [ax.get_legend_handles_labels() for ax in every]
    return [handle for handles, _ in found for handle in handles], [label for _, labels in found for label in labels]


def points(study: Study, drawn: Curves, records: Sequence[Record]) -> Mapping[tuple[str, str], Mapping[str, Points]]:
    """Give the scores by panel and line, score, and place on the axis: those of each seed over its folds."""
    found: dict[tuple[str, str], dict[str, Points]] = {}
    for name in study.variants:
        values, own = values_of(study.axes, name), of_variant(records, name)
        for seed in sorted({each["seed"] for each in own}) if values else ():
            for metric in drawn.metrics:
                number = of_runs([each for each in own if each["seed"] == seed], metric)
                if number is not None:
                    line = found.setdefault((values.get(drawn.panels, ""), values.get(drawn.lines, "")), {})
                    line.setdefault(metric, {}).setdefault(float(values[drawn.x]), []).append(number)
    return found


def _draw(ax: Axes, study: Study, drawn: Curves, lines: Mapping[str, Points]) -> None:
    every = list(study.axes.get(drawn.lines, ())) or [""]
    places = sorted(float(value) for value in study.axes[drawn.x])
    for line, by_place in lines.items():
        number = every.index(line)
        color, at = LINES[number % len(LINES)], sorted(by_place)
        # Side by side, so that ranges can be told apart.
        x = [places.index(place) + 0.06 * (number - (len(every) - 1) / 2) for place in at]
        y = [float(np.mean(by_place[place])) for place in at]
        low, high = ([extreme(by_place[place]) for place in at] for extreme in (min, max))
        ax.vlines(x, low, high, color=color, lw=1.2)
        label = _about(study, drawn.lines, line)
        ax.plot(x, y, marker=MARKS[number % len(MARKS)], color=color, lw=1, ms=4.5, label=label)
    ax.set_xlim(-0.5, len(places) - 0.5)
    ax.set_xticks(range(len(places)), [f"{place:g}" for place in places], fontsize=8)
    ax.tick_params(axis="y", labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.92")
    ax.set_axisbelow(True)


def _about(study: Study, axis: str, value: str) -> str:
    return str(study.axes.get(axis, {}).get(value, {}).get("about", value))
