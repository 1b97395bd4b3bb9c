"""Draw the differences of a study: mean, interval over groups, and each group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auxcpvloss.looking.figures.palette import BLUE, VERMILION, Color
from study.comparison import Comparison, compare
from study.plan import Study
from study.run import Record
from study.scores import spoken

DPI = 110
UNDECIDED: Color = (0.35, 0.35, 0.35)
Line = tuple[str, Sequence[Comparison]]
"""A heading, without comparisons, or the name of a variant with one for each metric."""


def forest(study: Study, records: Sequence[Record]) -> Figure | None:
    """Draw a panel for each metric and each variant that others are compared with; None if there is nothing yet."""
    panels = _panels(study, records)
    if not panels:
        return None
    heights = [len(lines) + 1 for lines in panels.values()]
    size = (2 + 4 * len(study.metrics), 1 + 0.19 * sum(heights) + 0.25 * len(panels))
    figure = Figure(size, dpi=DPI, layout="constrained")
    grid = figure.subplots(
        len(panels), len(study.metrics), squeeze=False, sharex="col", sharey="row", height_ratios=heights
    )
    for (against, lines), row in zip(panels.items(), grid, strict=True):
        for index, ax in enumerate(row):
            _draw(ax, [found[index] if found else None for _, found in lines])
        row[0].set_title(f"against {against}", fontsize=9, loc="left")
        row[0].set_yticks(range(len(lines)), [label for label, _ in lines], fontsize=8)
        for label, (_, found) in zip(row[0].get_yticklabels(), lines, strict=True):
            label.set_fontweight("normal" if found else "bold")
    for index, (metric, ax) in enumerate(zip(study.metrics, grid[-1], strict=True)):
        ax.set_xlabel(f"difference in {spoken(metric)}", fontsize=9)
        ax.set_xlim(*_limits(panels, index))
    return figure


def _panels(study: Study, records: Sequence[Record]) -> Mapping[str, list[Line]]:
    panels: dict[str, list[Line]] = {}
    for heading, variants in study.sections():
        begun = set()
        for variant in variants:
            found = [compare(study, variant, records, metric) for metric in study.metrics]
            complete = [each for each in found if each and len(each.by_group) > 1]
            if len(complete) == len(study.metrics):
                lines = panels.setdefault(variant.against, [])
                if heading and variant.against not in begun:
                    lines.append((heading, ()))
                    begun.add(variant.against)
                lines.append((variant.name, complete))
    return panels


def _draw(ax: Axes, lines: Sequence[Comparison | None]) -> None:
    ax.axvline(0, color="0.6", lw=0.8)
    for y, found in enumerate(lines):
        if found:
            color = BLUE if found.low > 0 else VERMILION if found.high < 0 else UNDECIDED
            ax.plot(list(found.by_group.values()), [y] * len(found.by_group), "|", color="0.55", ms=8, mew=1)
            ax.plot([found.low, found.high], [y, y], color=color, lw=1.5)
            # Where the interval holds 0, the mark is hollow: color is not needed to tell.
            ax.plot(found.mean, y, "o", color=color, mfc="white" if color == UNDECIDED else color, ms=5)
    ax.set_ylim(len(lines) - 0.4, -0.6)
    ax.tick_params(axis="x", labelsize=8)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.grid(axis="x", color="0.92")
    ax.set_axisbelow(True)


def _limits(panels: Mapping[str, Sequence[Line]], index: int) -> tuple[float, float]:
    """Show all groups; intervals over two or three groups may be so wide that they have to be cut."""
    groups = [
        each for lines in panels.values() for _, found in lines if found for each in found[index].by_group.values()
    ]
    low, high = min(0, *groups), max(0, *groups)
    margin = 0.3 * (high - low) or 0.01
    return low - margin, high + margin
