"""Panels: images of a volume as seen along z, with what is right and wrong laid over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import matplotlib
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
GRAY: Color = (0.5, 0.5, 0.5)


class Panel(NamedTuple):
    """A (Y, X, 3) image in [0, 1], its heading, the colors in it by name, and (N, 3) points upon it by name."""

    heading: str
    image: Image
    shown: Mapping[str, Color] = {}
    marks: Mapping[str, Points] = {}


def project_raw(raw: NDArray[Any]) -> Image:
    """Project (Z, Y, X) intensities along z to a gray (Y, X, 3) image, from the 1st to the 99.8th percentile."""
    brightest = raw.max(axis=0).astype(np.float64)
    low, high = np.percentile(brightest, (1, 99.8))
    scaled = np.clip((brightest - low) / (high - low if high > low else 1), 0, 1)
    return np.repeat(scaled[..., np.newaxis], 3, axis=-1)


def show_head(name: str, channels: NDArray[Any]) -> list[Panel]:
    """Show each channel of a (C, Y, X) output from its minimum (dark) to its maximum (bright), named in the heading."""
    panels = []
    for number, values in enumerate(channels.astype(np.float64)):
        low, high = float(values.min()), float(values.max())
        channel = f" {number}" if len(channels) > 1 else ""
        scaled = (values - low) / (high - low if high > low else 1)
        image: Image = matplotlib.colormaps["viridis"](scaled)[..., :3]
        panels.append(Panel(f"{name}{channel}: {low:.3g} to {high:.3g}", image))
    return panels


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
    """Show hits and errors in separate panels: in a projection of crowded nuclei one would hide the other."""
    expected, missed = _projected(truth, matched.truth)
    found, wrong = _projected(result, matched.predicted)
    headings = {
        "true positives": {
            "TP: ground truth only": expected & ~found,
            "TP: result only": found & ~expected,
            "TP: both": expected & found,
        },
        "FP and FN": {"FP": wrong & ~missed, "FN": missed & ~wrong, "FP upon FN": wrong & missed},
    }
    panels = []
    for heading, regions in headings.items():
        image = background
        for name, region in regions.items():
            image = blend(image, np.array(colors.agreement[name]), region)
        shown = {name: colors.agreement[name] for name, region in regions.items() if region.any()}
        panels.append(Panel(heading, image, shown))
    return panels


def _projected(labels: NDArray[Any], matched: NDArray[Any]) -> tuple[Mask, Mask]:
    """Project the matched and the other instances along z: two (Y, X) masks."""
    hit = np.isin(labels, matched)
    return np.any(hit, axis=0), np.any((labels != 0) & ~hit, axis=0)


def show_differences(
    truth: NDArray[Any], result: NDArray[Any], matched: Matching, background: Image, colors: Palette = PAPER
) -> Panel:
    """Show missed nuclei whole, and of all others the pixels in which result and ground truth differ (XOR).

    Takes (Y, X) planes, since outlines that are off by a voxel cover whole nuclei in a projection; `matched` is of
    the volume.
    """
    missed, differs = differences(truth, result, matched)
    of_each = np.array(colors.missed)[np.searchsorted(np.unique(truth[missed]), truth) % len(colors.missed)]
    # Single pixels would hardly be seen if the image shone through.
    image = blend(background, np.array(colors.difference), differs, opacity=1)
    shown = {}
    if missed.any():
        shown["FN, a color each"] = colors.missed[0]
    if differs.any():
        shown["pixels that differ"] = colors.difference
    return Panel("XOR", blend(image, of_each, missed), shown)


def differences(truth: NDArray[Any], result: NDArray[Any], matched: Matching) -> tuple[Mask, Mask]:
    """Find the voxels of missed nuclei, and all others in which the result is not the match of the truth."""
    order = np.argsort(matched.truth)
    ids, partners = matched.truth[order], matched.predicted[order]
    is_matched = np.isin(truth, ids)
    missed = (truth != 0) & ~is_matched
    expected = np.zeros(result.shape, result.dtype)
    expected[is_matched] = partners[np.searchsorted(ids, truth[is_matched])]
    return missed, (expected != result) & ~missed


def show_points(points: Detections | Points, background: Image) -> list[Panel]:
    """Show points: those that are right, and errors in a panel of their own; or all, if it is not known which are."""
    background = DIMMED * background
    if not isinstance(points, Detections):
        return [Panel(f"result: {len(points)}", background, marks={"result": points})]
    found, *wrong = sorted_points(points).items()
    return [Panel("true positives", background, marks=dict([found])), Panel("FP and FN", background, marks=dict(wrong))]


def sorted_points(detections: Detections) -> dict[str, Points]:
    """Sort points and nuclei into those that are right (TP), wrong (FP) and missed (FN)."""
    hit, found = detections.hit, detections.found
    return {"TP": detections.points[hit], "FP": detections.points[~hit], "FN": detections.centers[~found]}


def gray_out(panels: list[Panel], ignored: Mask | None) -> list[Panel]:
    """Gray out where, in all of the (Z, Y, X) planes that are shown, nothing is annotated."""
    if ignored is None or not (where := np.asarray(ignored.all(axis=0))).any():
        return panels
    *panels, last = [each._replace(image=blend(each.image, np.array(GRAY), where)) for each in panels]
    # Explained once.
    return [*panels, last._replace(shown={**last.shown, "not annotated": GRAY})]


def blend(background: Image, color: Image, where: Mask, opacity: float = OPACITY) -> Image:
    """Lay a color, or an image of colors, over a part of the background."""
    return np.where(where[..., np.newaxis], (1 - opacity) * background + opacity * color, background)
