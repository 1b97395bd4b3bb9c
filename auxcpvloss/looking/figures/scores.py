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

from auxcpvloss.looking.figures.names import CPV, families, method_label
from auxcpvloss.looking.figures.palette import LINES, Color
from auxcpvloss.metrics import THRESHOLDS

Scores = NDArray[np.float64]

MARKERS = ("o", "s", "D", "^", "v", "P")
DPI = 150
GRAY = "0.35"


def ap_over_iou(
    groups: Mapping[str, Scores],
    reference: Mapping[str, Scores] | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
) -> Figure:
    """Show AP over the IoU threshold (figure 3): the mean over runs as a line, their range shaded.

    Below, the same less the mean of the first of the methods that share axes.

    Parameters
    ----------
    groups : mapping of method to (R, T) array
        AP, the mean over volumes, of each of R runs at each of T thresholds. A method and the same with vectors
        (``x``, ``x_cpv``) share axes; all that have no such counterpart share axes of their own.
    reference : mapping of method to (T,) array, optional
        The paper's numbers, dashed; those of methods that are not in `groups` are left out.
    thresholds : sequence of T floats

    Raises
    ------
    ValueError
        An array of another shape, or nothing to show.
    """
    arrays = {name: _runs(name, values, len(thresholds)) for name, values in groups.items()}
    together = families(arrays)
    if not together:
        raise ValueError("no method to show")
    columns = min(2, len(together))
    rows = -(-len(together) // columns)
    figure = Figure((3.6 * columns + 0.4, 4.4 * rows), dpi=DPI, layout="constrained")
    heights = [3.0, 1.2] * rows
    axes = figure.subplots(2 * rows, columns, sharex=True, sharey="row", squeeze=False, height_ratios=heights)
    for number in range(columns * rows):
        row, column = divmod(number, columns)
        above, below = axes[2 * row, column], axes[2 * row + 1, column]
        if number >= len(together):
            above.remove()
            below.remove()
            continue
        shown = {name: arrays[name] for name in together[number]}
        _curves(above, below, thresholds, shown, reference or {})
        if column == 0:
            above.set_ylabel("AP = TP / (TP + FP + FN)")
    figure.align_ylabels()
    return figure


def _curves(
    above: Axes, below: Axes, thresholds: Sequence[float], shown: Mapping[str, Scores], reference: Mapping[str, Scores]
) -> None:
    """Show the AP of some methods, and below, where small differences can be seen, less the mean of the first one."""
    first = next(iter(shown))
    zero = shown[first].mean(axis=0)
    for (name, values), color, marker in zip(shown.items(), cycle(LINES), cycle(MARKERS), strict=False):
        label = f"{method_label(name)}, {len(values)} run{'s' * (len(values) != 1)}"
        style: dict[str, Any] = {"color": color, "marker": marker, "ms": 3.5, "lw": 1.2, "label": label}
        for ax, numbers in ((above, values), (below, values - zero)):
            ax.plot(thresholds, numbers.mean(axis=0), **style)
            ax.fill_between(thresholds, numbers.min(axis=0), numbers.max(axis=0), color=color, alpha=0.25, linewidth=0)
        if name in reference:
            above.plot(thresholds, reference[name], "--", color=color, lw=1.2)
    margin = 0.03
    above.set(xlim=(min(thresholds) - margin, max(thresholds) + margin), ylim=(0, 1.02), xticks=thresholds)
    below.set(xlabel="IoU threshold", ylabel=f"AP −\n{method_label(first)}")
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
    groups: Mapping[str, Scores], reference: Mapping[str, float] | None = None, label: str = "detection AP"
) -> Figure:
    """Show how well nuclei are found (figure 4): a box over all volumes of all runs, and means of runs.

    Parameters
    ----------
    groups : mapping of method to (R, V) array
        AP of the detection of each of R runs on each of V volumes. The box goes from the lower to the upper quartile,
        its line is the median, the whiskers are the range; each volume is a dot. The means (over volumes) of the best
        and of the worst run are marked, and the mean over runs.
    reference : mapping of method to float, optional
        The paper's numbers, as means over volumes and runs.
    label : str
        Of the axis.

    Raises
    ------
    ValueError
        An array of another shape, or nothing to show.
    """
    if not groups:
        raise ValueError("no method to show")
    arrays = {name: _runs(name, values, None) for name, values in groups.items()}
    figure = Figure((max(4.2, 1.1 + 0.95 * len(arrays)), 4.4), dpi=DPI, layout="constrained")
    ax = figure.subplots()
    for position, (name, values) in enumerate(arrays.items()):
        _box(ax, position, values, LINES[name.endswith(CPV)])
        if reference and name in reference:
            ax.plot([position - 0.42, position + 0.42], [reference[name]] * 2, "--", color="k", lw=1.2, zorder=4)
    ax.set(ylabel=label, xlim=(-0.6, len(arrays) - 0.4))
    ax.set_xticks(range(len(arrays)), [method_label(name, "\n") for name in arrays])
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    legend = _box_legend(any(len(values) > 1 for values in arrays.values()), bool(reference))
    figure.legend(handles=legend, loc="outside lower center", ncols=2, frameon=False, fontsize=8.5)
    return figure


def _box(ax: Axes, position: int, values: Scores, color: Color) -> None:
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
    def mark(marker: str, label: str, **others: Any) -> Line2D:
        return Line2D([], [], linestyle="", marker=marker, color="k", label=label, **others)

    handles: list[Artist] = [
        Patch(facecolor="0.85", edgecolor=GRAY, label="quartiles, median, range"),
        Line2D([], [], linestyle="", marker=".", color=GRAY, label="a volume in a run"),
        mark("D", "mean of all runs", markerfacecolor="w"),
    ]
    if has_several_runs:
        handles += [mark("^", "best run, its mean"), mark("v", "worst run, its mean")]
    if has_reference:
        handles.append(Line2D([], [], linestyle="--", color="k", label="paper, mean"))
    return handles


def _runs(name: str, values: Scores, width: int | None) -> Scores:
    array = np.asarray(values, np.float64)
    if array.ndim != 2 or 0 in array.shape or (width is not None and array.shape[1] != width):
        expected = "volumes" if width is None else f"{width} thresholds"
        raise ValueError(f"{name}: scores of shape {array.shape}, expected (runs, {expected})")
    return array
