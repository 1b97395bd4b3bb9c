"""How methods do: figures 3 and 4 of the paper, over any number of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from auxcpvloss.looking.figures.palette import LINES, Color
from auxcpvloss.metrics import THRESHOLDS

Floats = NDArray[np.float64]

MARKERS = ("o", "s", "D", "^", "v", "P")
DPI = 150
GRAY = "0.35"


def ap_over_iou(families: Sequence[Mapping[str, Floats]], reference: Mapping[str, Floats] | None = None) -> Figure:
    """Show AP over the IoU threshold (figure 3): the mean over runs as a line, their range shaded.

    Below, the same less the mean of the first of the methods that share axes.

    Parameters
    ----------
    families : sequence of mapping of method to (R, T) array
        AP, the mean over volumes, of each of R runs at each of `THRESHOLDS`. The methods of a mapping share axes.
    reference : mapping of method to (T,) array, optional
        The paper's numbers, dashed; those of methods that are not in `families` are left out.

    Raises
    ------
    ValueError
        An array of another shape, or nothing to show.
    """
    _check({name: values for family in families for name, values in family.items()}, len(THRESHOLDS))
    columns = min(2, len(families))
    rows = -(-len(families) // columns)
    figure = Figure((3.6 * columns + 0.4, 4.4 * rows), dpi=DPI, layout="constrained")
    axes = figure.subplots(2 * rows, columns, sharex=True, sharey="row", squeeze=False, height_ratios=[3.0, 1.2] * rows)
    places = [axes[2 * row : 2 * row + 2, column] for row in range(rows) for column in range(columns)]
    for (above, below), family in zip(places, families, strict=False):
        _curves(above, below, family, reference or {})
    for above, below in places[len(families) :]:
        above.remove()
        below.remove()
    for above in axes[::2, 0]:
        above.set_ylabel("AP = TP / (TP + FP + FN)")
    figure.align_ylabels()
    return figure


def _curves(above: Axes, below: Axes, shown: Mapping[str, Floats], reference: Mapping[str, Floats]) -> None:
    """Show the AP of some methods, and below, where small differences can be seen, less the mean of the first one."""
    first = next(iter(shown))
    zero = shown[first].mean(axis=0)
    for (name, values), color, marker in zip(shown.items(), cycle(LINES), cycle(MARKERS), strict=False):
        label = f"{name}, {len(values)} run{'s' * (len(values) != 1)}"
        for ax, numbers in ((above, values), (below, values - zero)):
            ax.plot(THRESHOLDS, numbers.mean(axis=0), color=color, marker=marker, ms=3.5, lw=1.2, label=label)
            ax.fill_between(THRESHOLDS, numbers.min(axis=0), numbers.max(axis=0), color=color, alpha=0.25, linewidth=0)
        if name in reference:
            above.plot(THRESHOLDS, reference[name], "--", color=color, lw=1.2)
    margin = 0.03
    above.set(xlim=(min(THRESHOLDS) - margin, max(THRESHOLDS) + margin), ylim=(0, 1.02), xticks=THRESHOLDS)
    below.set(xlabel="IoU threshold", ylabel=f"AP −\n{first}")
    below.locator_params(axis="y", nbins=4)
    below.tick_params(labelbottom=True)
    for ax in (above, below):
        ax.grid(color="0.9")
        ax.set_axisbelow(True)
    handles = list(above.get_legend_handles_labels()[0])
    if set(reference) & set(shown):
        handles.append(Line2D([], [], linestyle="--", lw=1.2, color=GRAY, label="paper"))
    above.legend(handles=handles, frameon=False, fontsize=9, loc="lower center", bbox_to_anchor=(0.5, 1))


def detection_boxes(
    groups: Mapping[str, Floats],
    colors: Mapping[str, Color] | None = None,
    reference: Mapping[str, float] | None = None,
) -> Figure:
    """Show how well nuclei are found (figure 4): a box over all volumes of all runs, and means of runs.

    Parameters
    ----------
    groups : mapping of method to (R, V) array
        AP of the detection of each of R runs on each of V volumes. The box goes from the lower to the upper quartile,
        its line is the median, the whiskers are the range; each volume is a dot. The means (over volumes) of the best
        and of the worst run are marked, and the mean over runs.
    colors : mapping of method to color, optional
    reference : mapping of method to float, optional
        The paper's numbers, as means over volumes and runs.

    Raises
    ------
    ValueError
        An array of another shape, or nothing to show.
    """
    _check(groups)
    figure = Figure((max(4.2, 1.1 + 0.95 * len(groups)), 4.4), dpi=DPI, layout="constrained")
    ax = figure.subplots()
    for position, (name, values) in enumerate(groups.items()):
        _box(ax, position, values, (colors or {}).get(name, LINES[0]))
        if reference and name in reference:
            ax.plot([position - 0.42, position + 0.42], [reference[name]] * 2, "--", color="k", lw=1.2, zorder=4)
    ax.set(ylabel="detection AP", xlim=(-0.6, len(groups) - 0.4))
    ax.set_xticks(range(len(groups)), [name.replace(" +", "\n+") for name in groups])
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    legend = _box_legend(any(len(values) > 1 for values in groups.values()), bool(reference))
    figure.legend(handles=legend, loc="outside lower center", ncols=2, frameon=False, fontsize=8.5)
    return figure


def _box(ax: Axes, position: int, values: Floats, color: Color) -> None:
    ax.boxplot(
        values.ravel(),
        positions=[position],
        widths=0.56,
        whis=(0, 100),
        patch_artist=True,
        boxprops={"facecolor": (*color, 0.3), "edgecolor": color},
        medianprops={"color": color, "linewidth": 1.6},
        whiskerprops={"color": color},
        capprops={"color": color},
    )
    # Side by side where they would lie upon each other, always the same.
    width = min(0.2, 0.02 * (values.size - 1))
    beside = np.linspace(-width, width, values.size)
    ax.scatter(position + beside, values.ravel(), s=6, color=GRAY, linewidths=0, zorder=3)
    means = values.mean(axis=1)
    if len(means) > 1:
        ax.scatter(position, means.max(), marker="^", s=42, color="k", zorder=5)
        ax.scatter(position, means.min(), marker="v", s=42, color="k", zorder=5)
    ax.scatter(position, means.mean(), marker="D", s=30, facecolor="w", edgecolor="k", zorder=6)


def _box_legend(has_several_runs: bool, has_reference: bool) -> list[Artist]:
    def mark(marker: str, label: str, color: str = "k", **others: Any) -> Line2D:
        return Line2D([], [], linestyle="", marker=marker, color=color, label=label, **others)

    handles: list[Artist] = [
        Patch(facecolor="0.85", edgecolor=GRAY, label="quartiles, median, range"),
        mark(".", "a volume in a run", GRAY),
        mark("D", "mean of all runs", markerfacecolor="w"),
    ]
    if has_several_runs:
        handles += [mark("^", "best run, its mean"), mark("v", "worst run, its mean")]
    if has_reference:
        handles.append(Line2D([], [], linestyle="--", color="k", label="paper, mean"))
    return handles


def _check(groups: Mapping[str, Floats], width: int | None = None) -> None:
    """Refuse scores that are not (runs, width), or (runs, volumes)."""
    if not groups:
        raise ValueError("no method to show")
    for name, scores in groups.items():
        if scores.ndim != 2 or 0 in scores.shape or (width is not None and scores.shape[1] != width):
            expected = "volumes" if width is None else f"{width} thresholds"
            raise ValueError(f"{name}: scores of shape {scores.shape}, expected (runs, {expected})")
