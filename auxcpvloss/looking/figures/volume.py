"""Figures of a volume: what was found in it, as seen along z or in one plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.looking.figures.layout import draw
from auxcpvloss.looking.figures.palette import PAPER, Palette
from auxcpvloss.looking.figures.panels import (
    Image,
    Panel,
    gray_out,
    project_raw,
    show_agreement,
    show_differences,
    show_head,
    show_instances,
    show_points,
)
from auxcpvloss.metrics import THRESHOLD, Counts
from auxcpvloss.metrics.detection import Detections, Points

NEAR = 3
"""Points in this many planes above and below the shown one are drawn, too: few points lie exactly in it."""


def volume_figure(outcome: Outcome, title: str = "", colors: Palette = PAPER) -> Figure:
    """Show a volume as seen along z: raw data, what was found and, given the truth, hits and errors."""
    background = project_raw(outcome.raw)
    panels, note = _found(outcome, background, colors)
    panels = gray_out(panels, outcome.ignored)
    return draw([Panel("raw data, brightest along z", background), *panels], outcome.aspect, title, note, colors)


def plane_figure(
    outcome: Outcome, prediction: Mapping[str, Any], title: str = "", colors: Palette = PAPER, z: int | None = None
) -> Figure:
    """Show one plane as the network sees it, channel by channel, and what is made of it.

    Parameters
    ----------
    outcome : Outcome
        Hits and errors are those of the whole volume.
    prediction : mapping of head name to (C, Z, Y, X) array, zarr or numpy
    title : str
    colors : Palette
    z : int, optional
        The plane; by default the one with most voxels of nuclei.
    """
    if z is None:
        z = fullest_plane(outcome.instances if outcome.truth is None else outcome.truth)
    background = project_raw(outcome.raw[z : z + 1])
    heads = [panel for name, array in prediction.items() for panel in show_head(name, np.asarray(array[:, z]))]
    panels, note = _found(outcome, background, colors, z)
    panels = gray_out(panels, None if outcome.ignored is None else outcome.ignored[z : z + 1])
    panels = [Panel(f"raw data, z = {z}", background), *heads, *panels]
    return draw(panels, outcome.aspect, title, note and f"all planes, {note}", colors)


def fullest_plane(labels: NDArray[Any]) -> int:
    """Find the plane, along z, with most voxels of instances; of several the one nearest to the middle."""
    filled = np.count_nonzero(labels, axis=(1, 2))
    candidates = np.flatnonzero(filled == filled.max())
    return int(candidates[np.abs(candidates - len(filled) // 2).argmin()])


def _found(outcome: Outcome, background: Image, colors: Palette, z: int | None = None) -> tuple[list[Panel], str]:
    """Show what was found, in all planes or in one; and say, given the truth, how much of the volume is right."""
    points, truth, compared = outcome.points, outcome.truth, outcome.comparison
    if points is not None:
        note = f"detection: {_in_words(points.counts)}" if isinstance(points, Detections) else ""
        return show_points(points if z is None else _near(points, z), background), note
    planes = slice(None) if z is None else slice(z, z + 1)
    instances = outcome.instances[planes]
    result = show_instances("result", instances, background)
    if truth is None or compared is None:
        return [result], ""
    note = f"IoU > {THRESHOLD}: {_in_words(compared.counts)}"
    truth, matched = truth[planes], compared.matching
    panels = [show_instances("ground truth", truth, background), result]
    panels += show_agreement(truth, instances, matched, background, colors)
    if z is not None:
        panels.append(show_differences(truth[0], instances[0], matched, background, colors))
    return panels, note


def _near(points: Detections | Points, z: int) -> Detections | Points:
    if not isinstance(points, Detections):
        return points[np.abs(points[:, 0] - z) <= NEAR]
    point, center = (np.abs(places[:, 0] - z) <= NEAR for places in (points.points, points.centers))
    return Detections(points.points[point], points.centers[center], points.hit[point], points.found[center])


def _in_words(counts: Counts) -> str:
    ap = f"AP {counts.ap:.3f}" if counts.tp + counts.fn else "no nuclei, so no AP"
    return f"TP {counts.tp}, FP {counts.fp}, FN {counts.fn}, {ap}"
