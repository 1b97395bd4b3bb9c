"""Figures 5 and 6 of the paper: results upon the image, for several methods, or several volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auxcpvloss.looking.figures.layout import draw_panel
from auxcpvloss.looking.figures.palette import PAPER, Palette
from auxcpvloss.looking.figures.panels import DIMMED, Panel, project_raw, show_agreement, show_instances
from auxcpvloss.looking.figures.segmentation import THRESHOLD
from auxcpvloss.metrics import count, match, overlaps
from auxcpvloss.metrics.detection import VOXELS, Detections, centers_of_mass, match_points

PanelName = Literal["raw data", "ground truth", "result", "detections", "true positives", "FP and FN"]
FIGURE_5: tuple[PanelName, ...] = ("raw data", "detections", "true positives", "FP and FN")
INCHES, DPI = 7.2, 200


class View(NamedTuple):
    """A volume with a result.

    Attributes
    ----------
    name : str
        What stands beside it: a method, or a volume.
    raw : (Z, Y, X) array
    result, truth : (Z, Y, X) arrays of integer
        Instances; 0 is background.
    detections : Detections, optional
        By default the centers of mass of the result, in or out of true nuclei.
    voxel_size : size of a voxel along z, y and x
    """

    name: str
    raw: NDArray[Any]
    result: NDArray[Any]
    truth: NDArray[Any]
    detections: Detections | None = None
    voxel_size: tuple[float, float, float] = VOXELS


def overlays(views: Sequence[View], panels: Sequence[PanelName] = FIGURE_5, colors: Palette = PAPER) -> Figure:
    """Show results upon maximum projections along z, a row each; where volumes are long, a column each.

    Parameters
    ----------
    views : sequence of View
        Several methods on a volume, or a method on several ones.
    panels : sequence of str
        What is shown of each: "raw data", "ground truth", "result" (instances in colors of their own), "detections"
        (points found, wrong and missed), "true positives" and "FP and FN" (at an IoU above 0.5).
    colors : Palette

    Raises
    ------
    ValueError
        Nothing to show.
    """
    if not views or not panels:
        raise ValueError("no view or no panel to show")
    shapes = [view.raw.shape for view in views]
    aspects = [view.voxel_size[1] / view.voxel_size[2] for view in views]
    proportion = max(shape[2] / (shape[1] * aspect) for shape, aspect in zip(shapes, aspects, strict=True))
    is_long = proportion > 2
    columns, rows = (len(views), len(panels)) if is_long else (len(panels), len(views))
    # A wide strip alone needs no more room than it has.
    width = INCHES / columns
    figure = Figure((INCHES, rows * (width / proportion + 0.4) + 0.7), dpi=DPI, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    handles: dict[str, Artist] = {}
    for number, (view, aspect) in enumerate(zip(views, aspects, strict=True)):
        for place, panel in enumerate(show(view, panels, colors)):
            ax = axes[place, number] if is_long else axes[number, place]
            for handle in draw_panel(ax, panel, aspect, colors, scale=0.45):
                handles.setdefault(str(handle.get_label()), handle)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            heading = panel.heading.replace("\n", ": ") if is_long else panel.heading
            is_first = place == 0
            ax.set_title(f"{view.name}\n{heading}" if is_first and is_long else heading, fontsize=9)
            if is_first and not is_long:
                ax.set_ylabel(view.name, fontsize=9)
    # A point and a region of the same class have the same color; one of them says which.
    names = dict.fromkeys(("TP", "FP", "FN", *colors.agreement))
    shown = [handles[name] for name in names if name in handles]
    figure.legend(handles=shown, loc="outside lower center", ncols=min(5, len(shown) or 1), frameon=False, fontsize=9)
    return figure


def show(view: View, panels: Sequence[PanelName] = FIGURE_5, colors: Palette = PAPER) -> list[Panel]:
    """Give panels of a view, each an RGB image with marks and a heading that says how many there are."""
    background = project_raw(view.raw)
    table = overlaps(view.truth, view.result)
    matched = match(table, THRESHOLD)
    hits, errors = show_agreement(view.truth, view.result, matched, background, colors)
    counts = count(table, matched)
    detections = view.detections or match_points(centers_of_mass(view.result), view.truth)
    marks = {
        "TP": detections.points[detections.hit],
        "FP": detections.points[~detections.hit],
        "FN": detections.centers[~detections.found],
    }
    found = detections.counts
    made = {
        "raw data": lambda: Panel("raw data", background),
        "ground truth": lambda: show_instances("ground truth", view.truth, background),
        "result": lambda: show_instances("result", view.result, background),
        "detections": lambda: Panel(
            f"detections\nTP {found.tp}, FP {found.fp}, FN {found.fn}", DIMMED * background, marks=marks
        ),
        "true positives": lambda: hits._replace(heading=f"IoU > {THRESHOLD}\nTP {counts.tp}"),
        "FP and FN": lambda: errors._replace(heading=f"IoU > {THRESHOLD}\nFP {counts.fp}, FN {counts.fn}"),
    }
    return [made[name]() for name in panels]
