"""A prediction: a plane of the volume as the network sees it, head by head, and what is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auxcpvloss.looking.figures import detection, segmentation
from auxcpvloss.looking.figures.differences import show_differences
from auxcpvloss.looking.figures.layout import draw
from auxcpvloss.looking.figures.palette import PAPER, Palette
from auxcpvloss.looking.figures.panels import (
    Image,
    Panel,
    project_raw,
    show_agreement,
    show_detections,
    show_instances,
    show_points,
)
from auxcpvloss.metrics import match, overlaps
from auxcpvloss.metrics.detection import VOXELS, Detections, Points

NEAR = 3
"""Planes above and below the one that is shown: few points lie exactly in it."""


def prediction_figure(
    raw: NDArray[Any],
    prediction: Mapping[str, Any],
    result: NDArray[Any],
    truth: NDArray[Any] | None = None,
    voxel_size: tuple[float, float, float] = VOXELS,
    title: str = "",
    colors: Palette = PAPER,
) -> Figure:
    """Show one plane, the one with most of the instances: no projection, which would mix near and far.

    Parameters
    ----------
    raw : (Z, Y, X) array
    prediction : mapping of head name to (C, Z, Y, X) array, zarr or numpy
        Each channel gets a panel.
    result, truth : (Z, Y, X) arrays of integer
        Instances; 0 is background. With the truth, hits and errors at an IoU above 0.5, in the whole volume, are shown,
        and the pixels in which the two differ.
    voxel_size : size of a voxel along z, y and x
    title : str
    colors : Palette
    """
    z = fullest_plane(result if truth is None else truth)
    plane = slice(z, z + 1)
    background, panels = show_prediction(raw, prediction, z)
    note = ""
    if truth is not None:
        panels.append(show_instances("ground truth", truth[plane], background))
    panels.append(show_instances("result", result[plane], background))
    if truth is not None:
        table = overlaps(truth, result)
        matched = match(table, segmentation.THRESHOLD)
        panels += show_agreement(truth[plane], result[plane], matched, background, colors)
        panels.append(show_differences(truth[z], result[z], matched, background, colors))
        note = f"all planes, {segmentation.summary(table, matched)}"
    return draw(panels, voxel_size[1] / voxel_size[2], title, note, colors)


def point_prediction_figure(
    raw: NDArray[Any],
    prediction: Mapping[str, Any],
    z: int,
    found: Detections | Points,
    voxel_size: tuple[float, float, float] = VOXELS,
    title: str = "",
    colors: Palette = PAPER,
) -> Figure:
    """Show one plane, and of the points that were found in it and up to `NEAR` planes above and below.

    Parameters
    ----------
    raw, prediction, voxel_size, title, colors
        As for `prediction_figure`.
    z : int
        The plane.
    found : Detections, or (N, 3) array
        Of the whole volume: hits and errors, or points of which nobody knows whether they are right.
    """
    background, panels = show_prediction(raw, prediction, z)
    note = ""
    if isinstance(found, Detections):
        point, center = (np.abs(places[:, 0] - z) <= NEAR for places in (found.points, found.centers))
        near = Detections(found.points[point], found.centers[center], found.hit[point], found.found[center])
        panels += show_detections(near, background)
        note = f"all planes, {detection.summary(found)}"
    else:
        panels.append(show_points(found[np.abs(found[:, 0] - z) <= NEAR], background))
    return draw(panels, voxel_size[1] / voxel_size[2], title, note, colors)


def show_prediction(raw: NDArray[Any], prediction: Mapping[str, Any], z: int) -> tuple[Image, list[Panel]]:
    """Show a plane of the image and of every head; gives the image to draw upon, too."""
    background = project_raw(raw[z : z + 1])
    panels = [Panel(f"raw data, z = {z}", background)]
    for name, array in prediction.items():
        panels += show_head(name, np.asarray(array[:, z]))
    return background, panels


def fullest_plane(labels: NDArray[Any]) -> int:
    """Find the plane, along z, with most voxels of instances; of several the one nearest to the middle."""
    filled = np.count_nonzero(labels, axis=(1, 2))
    candidates = np.flatnonzero(filled == filled.max())
    return int(candidates[np.abs(candidates - len(filled) // 2).argmin()])


def show_head(name: str, channels: NDArray[Any]) -> list[Panel]:
    """Show each channel of a head from its least (dark) to its greatest value (bright); the heading tells which.

    Parameters
    ----------
    name : str
    channels : (C, Y, X) array of float
    """
    panels = []
    for number, values in enumerate(channels.astype(np.float64)):
        low, high = float(values.min()), float(values.max())
        channel = f" {number}" if len(channels) > 1 else ""
        scaled = (values - low) / (high - low if high > low else 1)
        image: Image = matplotlib.colormaps["viridis"](scaled)[..., :3]
        panels.append(Panel(f"{name}{channel}: {low:.3g} to {high:.3g}", image))
    return panels
