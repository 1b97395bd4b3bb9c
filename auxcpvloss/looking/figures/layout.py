"""Panels side by side in a figure, and figures in files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from auxcpvloss.looking.figures.palette import PAPER, Palette
from auxcpvloss.looking.figures.panels import Panel
from auxcpvloss.system.files import replacing

# Shapes tell points apart where colors do not.
MARKS: dict[str, dict[str, Any]] = {
    "TP": {"marker": "o", "s": 22},
    "FP": {"marker": "x", "s": 36, "linewidths": 1.8},
    "FN": {"marker": "+", "s": 60, "linewidths": 1.8},
    "result": {"marker": "o", "s": 22},
}
SAME = {"TP": "TP: both", "result": "TP: result only"}
"""Points in the color of a region."""
INCHES, DPI = 12.0, 100
DATES: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
"""Metadata that omit the date from a file."""


def draw(panels: list[Panel], aspect: float, title: str = "", note: str = "", colors: Palette = PAPER) -> Figure:
    """Lay out panels of the same shape: long ones below each other, tall ones side by side, others in threes.

    `aspect` is the height of a pixel divided by its width, `note` the heading of the legend; without it there is none.
    """
    height, width = panels[0].image.shape[:2]
    proportion = width / (height * aspect)
    columns = 1 if proportion > 2 else len(panels) if proportion < 0.5 else min(3, len(panels))
    rows = -(-len(panels) // columns)
    # Not so narrow or so flat that the headings have no room.
    panel_width = max(1.7, min(INCHES / columns, INCHES * proportion))
    panel_height = max(0.5, min(panel_width / proportion, INCHES))
    figure = Figure((columns * panel_width, rows * (panel_height + 0.3) + 0.5), dpi=DPI, layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax in axes:
        ax.set_axis_off()
    handles = [
        handle for ax, panel in zip(axes, panels, strict=False) for handle in draw_panel(ax, panel, aspect, colors)
    ]
    figure.suptitle(title)
    if note:
        legend = {"frameon": False, "fontsize": 11, "title_fontsize": 12}
        if len(panels) < rows * columns:
            axes[-1].legend(handles=handles, title=note, loc="center", **legend)
        else:
            figure.legend(
                handles=handles, title=note, loc="outside lower center", ncols=len(colors.agreement), **legend
            )
    return figure


def draw_panel(ax: Axes, panel: Panel, aspect: float, colors: Palette = PAPER, scale: float = 1) -> list[Artist]:
    """Draw a panel, with scaled marks; returns what the legend has to explain."""
    ax.imshow(panel.image, aspect=aspect)
    ax.set_title(panel.heading, fontsize=11)
    handles: list[Artist] = [Patch(color=color, label=name) for name, color in panel.shown.items()]
    # A point may lie outside; the image stays as large as it is.
    ax.autoscale(False)
    for name, points in panel.marks.items():
        if len(points):
            mark = {key: value if key == "marker" else scale * value for key, value in MARKS[name].items()}
            color = colors.agreement[SAME.get(name, name)]
            handles.append(ax.scatter(points[:, 2], points[:, 1], label=name, c=[color], **mark))
    return handles


def encode(figure: Figure, kind: str = "png") -> bytes:
    """Give the content of a file: png, pdf or svg; the same for the same data."""
    content = io.BytesIO()
    # Otherwise the ids within an svg would be random.
    with rc_context({"svg.hashsalt": "auxcpvloss"}):
        figure.savefig(content, format=kind, metadata=DATES.get(kind, {}))
    return content.getvalue()


def save(path: Path, figure: Figure) -> None:
    """Write a figure in the format that the suffix names; the file is replaced at once."""
    with replacing(path) as beside:
        beside.write_bytes(encode(figure, path.suffix[1:]))
