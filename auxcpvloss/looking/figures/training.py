"""How a training went: every part of the loss, and the validation scores of its checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from auxcpvloss.experiment.means import Checkpoint, iteration_of
from auxcpvloss.looking.figures.palette import BLACK, LINES
from auxcpvloss.looking.figures.validation import metric_label

DPI = 150
POINTS = 60
"""A longer curve is drawn pale, with the means of this many intervals on top."""


def training_curves(
    log: pd.DataFrame,
    validation: pd.DataFrame | None = None,
    scores: Mapping[Checkpoint, float] | None = None,
    metric: str = "score",
    selected: Checkpoint | None = None,
) -> Figure:
    """Show all losses over the iterations, on a logarithmic axis, and below them the score of every checkpoint.

    Parameters
    ----------
    log, validation : DataFrame
        By iteration: the total, ``loss``, and its parts, ``<head>_loss``, before they are weighted; the same on the
        validation volumes, ``val_...``, and the ``score`` that decides when a training stops early.
    scores : mapping of checkpoint to float, optional
        Best score over all sets of parameters, of the metric at a dotted path.
    selected : int or str, optional
        The checkpoint that won.
    """
    early = validation["score"] if validation is not None and "score" in validation else None
    has_scores = bool(scores) or early is not None
    heights = [2.2, 1] if has_scores else [1]
    figure = Figure((6, 5.4 if has_scores else 3.6), dpi=DPI, layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    _losses(axes[0], log, validation)
    if scores:
        single, means = ({k: v for k, v in scores.items() if isinstance(k, each)} for each in (int, str))
        axes[1].plot(list(single), list(single.values()), "-o", ms=4, lw=1.2, color=LINES[0], label="best parameters")
        for name, score in means.items():
            axes[1].plot(iteration_of(name), score, "*", ms=8, color=LINES[0], label=str(name))
    if early is not None:
        axes[1].plot(early.index, early, "--s", ms=4, lw=1.2, color=LINES[1], label="[postprocessing]")
    if has_scores:
        axes[1].set(ylabel=metric_label(metric), ylim=(0, 1.02))
    for ax in axes:
        ax.grid(color="0.9")
        ax.set_axisbelow(True)
        if selected is not None:
            ax.axvline(iteration_of(selected), color="k", lw=1, ls=":", label=f"selected: {selected}")
        ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    axes[-1].set_xlabel("iteration")
    return figure


def _losses(ax: Axes, log: pd.DataFrame, validation: pd.DataFrame | None) -> None:
    for name, color in zip(log, cycle((BLACK, *LINES)), strict=False):
        label = "total" if name == "loss" else name.removesuffix("_loss")
        curve = (log.index.to_numpy(), log[name].to_numpy())
        if len(log) > POINTS:
            ax.plot(*curve, color=color, lw=0.4, alpha=0.35)
            means = ([part.mean() for part in np.array_split(values, POINTS)] for values in curve)
            ax.plot(*means, color=color, lw=1.4, label=label)
        else:
            ax.plot(*curve, color=color, lw=1.2, label=label)
        if validation is not None and (there := f"val_{name}") in validation:
            style: dict[str, Any] = {"ms": 3, "lw": 1, "color": color, "label": f"{label}, validation"}
            ax.plot(validation.index, validation[there], "--o", **style)
    if not (log > 0).any(axis=None):
        ax.set_ylabel("loss")
        return
    ax.set(ylabel="loss (logarithmic)", yscale="log")
    # Few decades as a rule: plain numbers, not powers of ten.
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_locator(NullLocator())
