"""One picture of a volume whose nuclei were found as points: raw data, and what was found, wrong and missed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from auxcpvloss.detection import VOXELS, Detections, Points
from auxcpvloss.pictures import Image, Panel, draw, project_raw, save

DIMMED = 0.6
"""Brightness of the raw data below points."""


def picture_of_detections(
    path: Path,
    raw: NDArray[Any],
    detections: Detections,
    voxel_size: tuple[float, float, float] = VOXELS,
    title: str = "",
) -> None:
    """Write a PNG of the volume as seen along z: raw data, the points that are right, and the errors.

    Parameters
    ----------
    path : Path
        The file; its folder must exist. It is written beside its place and renamed into it.
    raw : (Z, Y, X) array
        Intensities; shown as maximum projection.
    detections : Detections
        Points that are wrong are shown where they are, nuclei that were missed at their centers.
    voxel_size : size of a voxel along z, y and x
        In any unit; those along y and x give the aspect.
    title : str
    """
    gray = project_raw(raw)
    panels = [Panel("raw data", gray), *show_detections(detections, gray)]
    save(path, draw(panels, voxel_size[1] / voxel_size[2], title, summary(detections)))


def picture_of_points(
    path: Path,
    raw: NDArray[Any],
    points: Points,
    voxel_size: tuple[float, float, float] = VOXELS,
    title: str = "",
) -> None:
    """Write a PNG of raw data and points where there is no ground truth; see `picture_of_detections`."""
    gray = project_raw(raw)
    panels = [Panel("raw data", gray), show_points(points, gray)]
    save(path, draw(panels, voxel_size[1] / voxel_size[2], title, ""))


def show_detections(detections: Detections, background: Image) -> list[Panel]:
    """Show the points that are right and, in a panel of their own, the errors."""
    found = {"TP": detections.points[detections.hit]}
    wrong = {"FP": detections.points[~detections.hit], "FN": detections.centers[~detections.found]}
    return [
        Panel("true positives", DIMMED * background, marks=found),
        Panel("FP and FN", DIMMED * background, marks=wrong),
    ]


def show_points(points: Points, background: Image) -> Panel:
    """Show points of which nobody knows whether they are right."""
    return Panel(f"result: {len(points)}", DIMMED * background, marks={"result": points})


def summary(detections: Detections) -> str:
    """Say how many points are right and wrong."""
    counts = detections.counts
    return f"detection: TP {counts.tp}, FP {counts.fp}, FN {counts.fn}, AP {counts.ap:.3f}"
