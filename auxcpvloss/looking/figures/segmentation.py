"""A volume: raw data, ground truth, result, and where the two agree."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from numpy.typing import NDArray

from auxcpvloss.looking.figures.layout import draw
from auxcpvloss.looking.figures.palette import PAPER, Palette
from auxcpvloss.looking.figures.panels import Panel, project_raw, show_agreement, show_instances
from auxcpvloss.metrics import Matching, Overlaps, count, match, overlaps
from auxcpvloss.metrics.detection import VOXELS

THRESHOLD = 0.5


def segmentation_figure(
    raw: NDArray[Any],
    result: NDArray[Any],
    truth: NDArray[Any] | None = None,
    voxel_size: tuple[float, float, float] = VOXELS,
    title: str = "",
    matched: Matching | None = None,
    colors: Palette = PAPER,
) -> Figure:
    """Show a volume as seen along z: raw data, instances and, given the truth, hits and errors.

    Parameters
    ----------
    raw : (Z, Y, X) array
        Intensities; shown as maximum projection, from the 1st to the 99.8th percentile.
    result, truth : (Z, Y, X) arrays of integer
        Instances; 0 is background. Without the truth there are only raw data and result.
    voxel_size : size of a voxel along z, y and x
        In any unit; those along y and x give the aspect.
    title : str
    matched : Matching
        The true positives; by default the optimal matching at an IoU above 0.5.
    colors : Palette

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    for labels in (result, truth):
        if labels is not None and labels.shape != raw.shape:
            raise ValueError(f"raw data and labels of different shape: {raw.shape} and {labels.shape}")
    background = project_raw(raw)
    panels = [Panel("raw data, brightest along z", background), show_instances("result", result, background)]
    note = ""
    if truth is not None:
        table = overlaps(truth, result)
        matched = match(table, THRESHOLD) if matched is None else matched
        panels.insert(1, show_instances("ground truth", truth, background))
        panels += show_agreement(truth, result, matched, background, colors)
        note = summary(table, matched)
    return draw(panels, voxel_size[1] / voxel_size[2], title, note, colors)


def summary(table: Overlaps, matched: Matching) -> str:
    """Say how many instances are right and wrong."""
    counts = count(table, matched)
    return f"IoU > {THRESHOLD}: TP {counts.tp}, FP {counts.fp}, FN {counts.fn}, AP {counts.ap:.3f}"
