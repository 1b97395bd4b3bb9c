"""Panels: images of a volume as seen along z, with what is right and wrong laid over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import hsv_to_rgb
from numpy.typing import NDArray

from auxcpvloss.looking.figures.palette import PAPER, Color, Palette
from auxcpvloss.metrics import Matching
from auxcpvloss.metrics.detection import Detections, Points

Image = NDArray[np.float64]
Mask = NDArray[np.bool_]

OPACITY = 0.65
DIMMED = 0.6
"""Brightness of the raw data below points."""


class Panel(NamedTuple):
    """A (Y, X, 3) image in [0, 1], what stands above it, the colors in it by name, and (N, 3) points upon it."""

    heading: str
    image: Image
    shown: Mapping[str, Color] = {}
    marks: Mapping[str, Points] = {}


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


def show_agreement(
    truth: NDArray[Any], result: NDArray[Any], matched: Matching, background: Image, colors: Palette = PAPER
) -> list[Panel]:
    """Show hits and errors, each in a panel: in a projection of crowded nuclei one would hide the other."""
    expected, missed = project_hits(truth, matched.truth)
    found, wrong = project_hits(result, matched.predicted)
    hits = {
        "TP: ground truth only": expected & ~found,
        "TP: result only": found & ~expected,
        "TP: both": expected & found,
    }
    errors = {"FP": wrong & ~missed, "FN": missed & ~wrong, "FP upon FN": wrong & missed}
    return [paint("true positives", hits, background, colors), paint("FP and FN", errors, background, colors)]


def project_hits(labels: NDArray[Any], matched: NDArray[Any]) -> tuple[Mask, Mask]:
    """Project the matched and the other instances along z: two (Y, X) masks."""
    hit = np.isin(labels, matched)
    return np.any(hit, axis=0), np.any((labels != 0) & ~hit, axis=0)


def paint(heading: str, regions: Mapping[str, Mask], background: Image, colors: Palette = PAPER) -> Panel:
    """Lay the color of each region over it."""
    image = background
    for name, region in regions.items():
        image = blend(image, np.array(colors.agreement[name]), region)
    return Panel(heading, image, {name: colors.agreement[name] for name, region in regions.items() if region.any()})


def blend(background: Image, color: Image, where: Mask, opacity: float = OPACITY) -> Image:
    """Lay a color, or an image of colors, over a part of the background."""
    return np.where(where[..., np.newaxis], (1 - opacity) * background + opacity * color, background)


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
