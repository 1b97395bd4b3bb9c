"""The validation surface: what every checkpoint does with every set of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.metrics.registry import METRICS
from auxcpvloss.metrics.table import metric_of

DPI = 150
NUMBERS = 150
"""Maximum number of cells that show their value."""
INCHES = 0.06
"""Width of a letter of these labels."""
NAMES = 60
"""Maximum number of labelled parameter sets; of more, only every second, third or so is labelled."""


class ScoreGrid(NamedTuple):
    """Scores of C checkpoints with S sets of parameters: an (S, C) array, NaN where a pair was not scored.

    `metric` is the dotted path of the score.
    """

    checkpoints: Sequence[Checkpoint]
    sets: Sequence[Mapping[str, Any]]
    values: NDArray[np.float64]
    metric: str

    def place(self, checkpoint: Checkpoint, parameters: Mapping[str, Any]) -> tuple[int, int] | None:
        """Give row and column of a checkpoint and (some) parameters; None if they were not scored together."""
        rows = (row for row, each in enumerate(self.sets) if each.items() >= parameters.items())
        row = next(rows, None)
        if row is None or checkpoint not in self.checkpoints:
            return None
        return row, self.checkpoints.index(checkpoint)


def validation_surface(grid: ScoreGrid, winner: tuple[int, int] | None = None) -> Figure:
    """Show scores as a heat map: a column a checkpoint, a row a set of parameters; what was selected is framed.

    `winner` is the row and column of what was selected, see `ScoreGrid.place`. Without any score there is a ValueError.
    """
    values = grid.values
    if not np.isfinite(values).any():
        raise ValueError("no score to show")
    rows, columns = values.shape
    names, labels = set_labels(grid.sets)
    longest = max(len(", ".join(label)) for label in labels)
    width, height = 2.6 + INCHES * longest + min(9.0, 0.55 * columns), min(14.0, 1.7 + 0.26 * min(rows, NAMES))
    figure = Figure((width, height), dpi=DPI, layout="constrained")
    ax = figure.subplots()
    image = ax.imshow(values, aspect="auto", cmap="viridis", interpolation="nearest")
    figure.colorbar(image, ax=ax, label=metric_label(grid.metric))
    step = -(-rows // NAMES)
    ax.set_yticks(range(0, rows, step), [", ".join(label) for label in labels[::step]], fontsize=8)
    every = -(-columns // 16)
    ax.set_xticks(range(0, columns, every), [str(number) for number in grid.checkpoints[::every]], rotation=45)
    ax.set(xlabel="checkpoint (iteration)", ylabel=", ".join(names))
    if values.size <= NUMBERS:
        middle = (np.nanmin(values) + np.nanmax(values)) / 2
        for (y, x), value in np.ndenumerate(values):
            if np.isfinite(value):
                ax.text(x, y, f"{value:.3f}", ha="center", va="center", fontsize=7, color="wk"[bool(value > middle)])
    if winner is not None:
        row, column = winner
        _frame(ax, row, column)
        parameters = ", ".join(f"{name} {value}" for name, value in zip(names, labels[row], strict=True))
        score = f"checkpoint {grid.checkpoints[column]}, {values[row, column]:.3f}"
        figure.suptitle(f"selected: {score}\n{parameters}", fontsize=10)
    return figure


def _frame(ax: Axes, row: int, column: int) -> None:
    # Black within white is seen on every color.
    frame = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="k", linewidth=2, zorder=3)
    frame.set_path_effects([withStroke(linewidth=5, foreground="w")])
    ax.add_patch(frame)


def set_labels(sets: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Give the names of the parameters in which sets differ (of a single set, all), and their values in each."""
    names = list(sets[0])
    if len(sets) > 1:
        names = [name for name in names if len({repr(parameters[name]) for parameters in sets}) > 1]
    return names, [[str(parameters[name]) for name in names] for parameters in sets]


def metric_label(path: str) -> str:
    """Say for people what the number at a dotted path is: ``confusion_matrix.th_0_5.AP`` is ``AP at IoU > 0.5``."""
    name = metric_of(path)
    return METRICS[name].numbers[path].heading if name else path
