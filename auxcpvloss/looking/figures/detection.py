"""A volume whose nuclei were found as points: raw data, and what was found, wrong and missed."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from numpy.typing import NDArray

from auxcpvloss.looking.figures.layout import draw
from auxcpvloss.looking.figures.palette import PAPER, Palette
from auxcpvloss.looking.figures.panels import Panel, project_raw, show_detections, show_points
from auxcpvloss.metrics.detection import VOXELS, Detections, Points


def detection_figure(
    raw: NDArray[Any],
    detections: Detections,
    voxel_size: tuple[float, float, float] = VOXELS,
    title: str = "",
    colors: Palette = PAPER,
) -> Figure:
    """Show a volume as seen along z: raw data, the points that are right, and the errors.

    Parameters
    ----------
    raw : (Z, Y, X) array
        Intensities; shown as maximum projection.
    detections : Detections
        Points that are wrong are shown where they are, nuclei that were missed at their centers.
    voxel_size : size of a voxel along z, y and x
        In any unit; those along y and x give the aspect.
    title : str
    colors : Palette
    """
    gray = project_raw(raw)
    panels = [Panel("raw data, brightest along z", gray), *show_detections(detections, gray)]
    return draw(panels, voxel_size[1] / voxel_size[2], title, summary(detections), colors)


def points_figure(
    raw: NDArray[Any],
    points: Points,
    voxel_size: tuple[float, float, float] = VOXELS,
    title: str = "",
    colors: Palette = PAPER,
) -> Figure:
    """Show raw data and points where there is no ground truth; see `detection_figure`."""
    gray = project_raw(raw)
    panels = [Panel("raw data, brightest along z", gray), show_points(points, gray)]
    return draw(panels, voxel_size[1] / voxel_size[2], title, colors=colors)


def summary(detections: Detections) -> str:
    """Say how many points are right and wrong."""
    counts = detections.counts
    return f"detection: TP {counts.tp}, FP {counts.fp}, FN {counts.fn}, AP {counts.ap:.3f}"
