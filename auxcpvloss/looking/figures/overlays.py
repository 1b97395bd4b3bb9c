"""Figures 5 and 6 of the paper: results upon the image, for several methods or several volumes."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.looking.figures.layout import draw_panel
from auxcpvloss.looking.figures.palette import PAPER, Palette
from auxcpvloss.looking.figures.panels import DIMMED, Panel, gray_out, project_raw, show_agreement, sorted_points
from auxcpvloss.metrics import THRESHOLD

INCHES, DPI = 7.2, 200
PANELS = 4


def overlays(outcomes: Sequence[Outcome], colors: Palette = PAPER) -> Figure:
    """Show results upon maximum projections along z, a row each; where volumes are long, a column each.

    Raw data, points (found, wrong and missed), true positives, and errors, at an IoU above 0.5, of at least one outcome
    with labels as ground truth.
    """
    proportion = max(each.raw.shape[2] / (each.raw.shape[1] * each.aspect) for each in outcomes)
    is_long = proportion > 2
    columns, rows = (len(outcomes), PANELS) if is_long else (PANELS, len(outcomes))
    # A single wide strip needs little height.
    width = INCHES / columns
    figure = Figure((INCHES, rows * (width / proportion + 0.4) + 0.7), dpi=DPI, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    handles: dict[str, Artist] = {}
    for outcome, row in zip(outcomes, axes.T if is_long else axes, strict=True):
        for ax, panel in zip(row, show(outcome, colors), strict=True):
            for handle in draw_panel(ax, panel, outcome.aspect, colors, scale=0.45):
                handles.setdefault(str(handle.get_label()), handle)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            ax.set_title(panel.heading.replace("\n", ": ") if is_long else panel.heading, fontsize=9)
        if is_long:
            row[0].set_title(f"{outcome.name}\n{row[0].get_title()}", fontsize=9)
        else:
            row[0].set_ylabel(outcome.name, fontsize=9)
    # A point and a region of the same class have the same color; one of them says which.
    shown = [handles[name] for name in dict.fromkeys(("TP", "FP", "FN", *colors.agreement)) if name in handles]
    figure.legend(handles=shown, loc="outside lower center", ncols=min(5, len(shown) or 1), frameon=False, fontsize=9)
    return figure


def show(outcome: Outcome, colors: Palette = PAPER) -> list[Panel]:
    """Give the panels of a result, each with a heading that says how many there are."""
    background, compared = project_raw(outcome.raw), outcome.comparison
    assert compared is not None
    hits, errors = show_agreement(compared.truth, compared.predicted, compared.matching, background, colors)
    counts, points = compared.counts, compared.detections
    found = points.counts
    heading = f"detections\nTP {found.tp}, FP {found.fp}, FN {found.fn}"
    panels = [
        Panel(heading, DIMMED * background, marks=sorted_points(points)),
        hits._replace(heading=f"IoU > {THRESHOLD}\nTP {counts.tp}"),
        errors._replace(heading=f"IoU > {THRESHOLD}\nFP {counts.fp}, FN {counts.fn}"),
    ]
    return [Panel("raw data", background), *gray_out(panels, outcome.ignored)]
