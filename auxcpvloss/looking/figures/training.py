"""How a training went: every part of the loss, and the validation scores of its checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from auxcpvloss.looking.figures.names import metric_label
from auxcpvloss.looking.figures.palette import BLACK, LINES, Color

DPI = 150
POINTS = 60
"""A longer curve is shown as means of so many stretches, upon itself in pale."""


class Curves(NamedTuple):
    """Numbers over the iterations.

    Attributes
    ----------
    iterations : (N,) array of integer
    values : mapping of name to (N,) array of float
        NaN where there is none.
    """

    iterations: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]


def training_curves(
    log: Curves,
    validation: Curves | None = None,
    scores: Mapping[int, float] | None = None,
    metric: str = "score",
    selected: int | None = None,
) -> Figure:
    """Show all losses over the iterations, on a logarithmic axis, and below them the score of every checkpoint.

    Parameters
    ----------
    log : Curves
        The total, ``loss``, and its parts, ``<head>_loss``, before coefficients weight them.
    validation : Curves, optional
        The same on the validation volumes, ``val_loss``, ``val_<head>_loss``; ``score``, with which a training may
        stop early.
    scores : mapping of checkpoint to float, optional
        Best score over all sets of parameters.
    metric : str
        Which one: the path in a sample's evaluation.
    selected : int, optional
        The checkpoint that won.
    """
    early = validation if validation is not None and "score" in validation.values else None
    has_scores = bool(scores) or early is not None
    heights = [2.2, 1] if has_scores else [1]
    figure = Figure((6, 5.4 if has_scores else 3.6), dpi=DPI, layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    _losses(axes[0], log, validation)
    if has_scores:
        _scores(axes[1], scores or {}, early, metric)
    for ax in axes:
        ax.grid(color="0.9")
        ax.set_axisbelow(True)
        if selected is not None:
            ax.axvline(selected, color="k", lw=1, ls=":", label=f"selected: {selected}")
        ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    axes[-1].set_xlabel("iteration")
    return figure


def _losses(ax: Axes, log: Curves, validation: Curves | None) -> None:
    for (name, values), color in zip(log.values.items(), cycle((BLACK, *LINES)), strict=False):
        label = "total" if name == "loss" else name.removesuffix("_loss")
        _smoothed(ax, log.iterations, values, color, label)
        if validation is not None and f"val_{name}" in validation.values:
            there = validation.values[f"val_{name}"]
            ax.plot(validation.iterations, there, "--o", ms=3, lw=1, color=color, label=f"{label}, validation")
    if not any(np.any(values > 0) for values in log.values.values()):
        ax.set_ylabel("loss")
        return
    ax.set(ylabel="loss (logarithmic)", yscale="log")
    # Few decades as a rule: plain numbers, not powers of ten.
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_locator(NullLocator())


def _smoothed(ax: Axes, iterations: NDArray[np.int64], values: NDArray[np.float64], color: Color, label: str) -> None:
    if len(values) <= POINTS:
        ax.plot(iterations, values, color=color, lw=1.2, label=label)
        return
    ax.plot(iterations, values, color=color, lw=0.4, alpha=0.35)
    stretches = np.array_split(np.arange(len(values)), POINTS)
    ax.plot(
        [iterations[stretch].mean() for stretch in stretches],
        [values[stretch].mean() for stretch in stretches],
        color=color,
        lw=1.4,
        label=label,
    )


def _scores(ax: Axes, scores: Mapping[int, float], early: Curves | None, metric: str) -> None:
    if scores:
        ax.plot(list(scores), list(scores.values()), "-o", ms=4, lw=1.2, color=LINES[0], label="best parameters")
    if early is not None:
        ax.plot(early.iterations, early.values["score"], "--s", ms=4, lw=1.2, color=LINES[1], label="[postprocessing]")
    ax.set(ylabel=metric_label(metric), ylim=(0, 1.02))
