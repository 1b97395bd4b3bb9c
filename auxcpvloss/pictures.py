"""One picture of a volume: raw data, ground truth, result, and where the two agree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from auxcpvloss.files import replacing
from auxcpvloss.metrics import Matching, Overlaps, count, match, overlaps

Image = NDArray[np.float64]
Mask = NDArray[np.bool_]

THRESHOLD = 0.5
# The colors of figures 5 and 6 of the paper; orange is its red upon yellow.
COLORS = {
    "TP: ground truth only": (0.0, 0.0, 1.0),
    "TP: result only": (0.0, 1.0, 0.0),
    "TP: both": (0.0, 1.0, 1.0),
    "FP": (1.0, 0.0, 0.0),
    "FN": (1.0, 1.0, 0.0),
    "FP upon FN": (1.0, 0.5, 0.0),
}
# Shapes tell points apart where colors do not.
MARKS: dict[str, dict[str, Any]] = {
    "TP": {"c": [COLORS["TP: both"]], "marker": "o", "s": 22},
    "FP": {"c": [COLORS["FP"]], "marker": "x", "s": 36, "linewidths": 1.8},
    "FN": {"c": [COLORS["FN"]], "marker": "+", "s": 60, "linewidths": 1.8},
    "result": {"c": [COLORS["TP: result only"]], "marker": "o", "s": 22},
}
OPACITY = 0.65
INCHES, DPI = 12.0, 100


class Panel(NamedTuple):
    """A (Y, X, 3) image in [0, 1], what stands above it, which of COLORS are in it, and (N, 3) points upon it."""

    heading: str
    image: Image
    shown: tuple[str, ...] = ()
    marks: Mapping[str, NDArray[np.float64]] = {}


def picture(
    path: Path,
    raw: NDArray[Any],
    result: NDArray[Any],
    truth: NDArray[Any] | None = None,
    voxel_size: tuple[float, float, float] = (1.0, 1.0, 1.0),
    title: str = "",
    matched: Matching | None = None,
) -> None:
    """Write a PNG of the volume as seen along z: raw data, instances and, given the truth, hits and errors.

    Parameters
    ----------
    path : Path
        The file; its folder must exist. It is written beside its place and renamed into it.
    raw : (Z, Y, X) array
        Intensities; shown as maximum projection, from the 1st to the 99.8th percentile.
    result, truth : (Z, Y, X) arrays of integer
        Instances; 0 is background. Without the truth there are only raw data and result.
    voxel_size : size of a voxel along z, y and x
        In any unit; those along y and x give the aspect.
    title : str
    matched : Matching
        The true positives; by default the optimal matching at an IoU above 0.5.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    for labels in (result, truth):
        if labels is not None and labels.shape != raw.shape:
            raise ValueError(f"raw data and labels of different shape: {raw.shape} and {labels.shape}")
    background = project_raw(raw)
    panels = [Panel("raw data", background), show_instances("result", result, background)]
    note = ""
    if truth is not None:
        table = overlaps(truth, result)
        matched = match(table, THRESHOLD) if matched is None else matched
        panels.insert(1, show_instances("ground truth", truth, background))
        panels += show_agreement(truth, result, matched, background)
        note = summary(table, matched)
    save(path, draw(panels, voxel_size[1] / voxel_size[2], title, note))


def summary(table: Overlaps, matched: Matching) -> str:
    """Say how many instances are right and wrong."""
    counts = count(table, matched)
    return f"IoU > {THRESHOLD}: TP {counts.tp}, FP {counts.fp}, FN {counts.fn}, AP {counts.ap:.3f}"


def project_raw(raw: NDArray[Any]) -> Image:
    """Project (Z, Y, X) intensities along z to a gray (Y, X, 3) image in [0, 1]."""
    brightest = raw.max(axis=0).astype(np.float64)
    low, high = np.percentile(brightest, (1, 99.8))
    scaled = np.clip((brightest - low) / (high - low if high > low else 1), 0, 1)
    return np.repeat(scaled[..., np.newaxis], 3, axis=-1)


def show_instances(name: str, labels: NDArray[Any], background: Image) -> Panel:
    """Show the front-most instance of each column in a color of its own."""
    front = np.take_along_axis(labels, (labels != 0).argmax(axis=0)[np.newaxis], axis=0)[0]
    ids = np.unique(labels)
    color = distinct_colors(ids.size)[np.searchsorted(ids, front)]
    return Panel(f"{name}: {np.count_nonzero(ids)}", blend(background, color, front != 0))


def distinct_colors(number: int) -> Image:
    """Return (number, 3) bright colors, always the same; successive ones are far apart."""
    i = np.arange(number)
    # Multiples of irrational numbers (the golden ratio and its like in two dimensions) spread evenly.
    hue, saturation, value = i * 0.618034 % 1, 0.55 + 0.45 * (i * 0.754878 % 1), 0.75 + 0.25 * (i * 0.569840 % 1)
    return hsv_to_rgb(np.stack([hue, saturation, value], axis=-1))


def show_agreement(truth: NDArray[Any], result: NDArray[Any], matched: Matching, background: Image) -> list[Panel]:
    """Show hits and errors, each in a panel: in a projection of crowded nuclei one would hide the other."""
    expected, missed = project_hits(truth, matched.truth)
    found, wrong = project_hits(result, matched.predicted)
    hits = {
        "TP: ground truth only": expected & ~found,
        "TP: result only": found & ~expected,
        "TP: both": expected & found,
    }
    errors = {"FP": wrong & ~missed, "FN": missed & ~wrong, "FP upon FN": wrong & missed}
    return [paint("true positives", hits, background), paint("FP and FN", errors, background)]


def project_hits(labels: NDArray[Any], matched: NDArray[Any]) -> tuple[Mask, Mask]:
    """Project the matched and the other instances along z: two (Y, X) masks."""
    hit = np.isin(labels, matched)
    return np.any(hit, axis=0), np.any((labels != 0) & ~hit, axis=0)


def paint(heading: str, regions: dict[str, Mask], background: Image) -> Panel:
    """Lay the color of each region over it."""
    image = background
    for name, region in regions.items():
        image = blend(image, np.array(COLORS[name]), region)
    return Panel(heading, image, tuple(name for name, region in regions.items() if region.any()))


def blend(background: Image, color: Image, where: Mask) -> Image:
    """Lay a color, or an image of colors, over a part of the background."""
    return np.where(where[..., np.newaxis], (1 - OPACITY) * background + OPACITY * color, background)


def draw(panels: list[Panel], aspect: float, title: str, note: str) -> Figure:
    """Lay the panels out: long ones below each other, tall ones beside each other, others in threes."""
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
    handles: list[Artist] = []
    for ax, panel in zip(axes, panels, strict=False):
        ax.imshow(panel.image, aspect=aspect)
        ax.set_title(panel.heading, fontsize=11)
        handles += [Patch(color=COLORS[name], label=name) for name in panel.shown]
        # A point may lie outside; the image stays as large as it is.
        ax.autoscale(False)
        handles += [
            ax.scatter(points[:, 2], points[:, 1], label=name, **MARKS[name])
            for name, points in panel.marks.items()
            if len(points)
        ]
    figure.suptitle(title)
    if note:
        legend = {"frameon": False, "fontsize": 11, "title_fontsize": 12}
        if len(panels) < rows * columns:
            axes[-1].legend(handles=handles, title=note, loc="center", **legend)
        else:
            figure.legend(handles=handles, title=note, loc="outside lower center", ncols=len(COLORS), **legend)
    return figure


def save(path: Path, figure: Figure) -> None:
    """Write beside the place and rename, so that a file that exists is whole."""
    with replacing(path) as beside:
        figure.savefig(beside, format="png")
