"""The figures of the paper, from a comparison."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auxcpvloss.looking.compare import reference
from auxcpvloss.looking.compare.comparison import AP, Comparison, detection_path
from auxcpvloss.looking.compare.views import views
from auxcpvloss.looking.figures.overlays import overlays
from auxcpvloss.looking.figures.palette import Palette
from auxcpvloss.looking.figures.scores import ap_over_iou, detection_boxes
from auxcpvloss.system.errors import InputError


class Drawn(NamedTuple):
    """A figure, and what it shows, for people."""

    figure: Figure
    caption: str


def draw_scores(comparison: Comparison, with_paper: bool) -> dict[str, Drawn]:
    """Draw figures 3 and 4, by name of file; `with_paper`: with the numbers of the paper."""
    found = {}
    curves = {}
    for group in comparison.groups:
        scores = [group.scores(path) for path in AP.values()]
        if scores[0] is not None:
            curves[group.name] = np.stack([each.mean(axis=1) for each in scores if each is not None], axis=1)
    if curves:
        figure = ap_over_iou(curves, _paper_curves(comparison) if with_paper else None)
        found["figure_3"] = Drawn(figure, "AP over the IoU threshold: mean over runs, range of runs shaded (figure 3).")
    points = {group.name: group.scores(detection_path(comparison.matching)) for group in comparison.groups}
    boxes = {name: scores for name, scores in points.items() if scores is not None}
    figure = detection_boxes(boxes, _paper_points(comparison) if with_paper else None)
    found["figure_4"] = Drawn(figure, "Detection: volumes of all runs, and the best and the worst run (figure 4).")
    return found


def draw_volumes(comparison: Comparison, colors: Palette) -> tuple[dict[str, Drawn], str]:
    """Draw figures 5 and 6, by name of file; where volumes or results are not there, say so instead.

    Returns
    -------
    (figures, why)
        `why` there are none; "" where there are.
    """
    try:
        shown = views(comparison)
    except InputError as error:
        return {}, f"figures 5 and 6 are left out, for want of volumes or results: {error}"
    if shown is None:
        return {}, ""
    models, volumes = overlays(shown.models, colors=colors), overlays(shown.volumes, colors=colors)
    return {
        "figure_5": Drawn(models, f"The best run of each model on the volume {shown.volume} (figure 5)."),
        "figure_6": Drawn(volumes, f"{shown.best}: worst and best volume of its best run (figure 6)."),
    }, ""


def _paper_curves(comparison: Comparison) -> dict[str, NDArray[np.float64]]:
    curves = {}
    for group in comparison.groups:
        values = [reference.segmentation_of(group, f"AP_{threshold:g}") for threshold in AP]
        if None not in values:
            curves[group.name] = np.array(values, np.float64)
    return curves


def _paper_points(comparison: Comparison) -> dict[str, float]:
    found = {group.name: reference.detection_of(group, comparison.matching) for group in comparison.groups}
    return {name: value for name, value in found.items() if value is not None}
