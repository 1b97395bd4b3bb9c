"""Small volumes, and how to tell the colors of a picture of them."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.looking.figures.palette import PALETTES, Palette
from auxcpvloss.metrics import Comparison

Volume = NDArray[Any]
HERE = (slice(2, 6), slice(5, 20), slice(5, 20))
SHIFTED = (slice(2, 6), slice(5, 20), slice(8, 23))
THERE = (slice(2, 6), slice(25, 40), slice(25, 40))


def volume(*boxes: tuple[slice, ...], shape: tuple[int, ...] = (8, 45, 45), step: int = 1) -> Volume:
    labels = np.zeros(shape, np.uint32)
    for number, box in enumerate(boxes, start=1):
        labels[box] = number * step
    return labels


def noise(shape: tuple[int, ...] = (8, 45, 45)) -> Volume:
    return np.random.default_rng(0).integers(0, 300, shape).astype(np.uint16)


def dots(*places: tuple[int, int, int]) -> Volume:
    """Instances of one voxel each."""
    return volume(*(tuple(slice(at, at + 1) for at in place) for place in places))


def outcome(instances: Volume | None = None, truth: Volume | None = None, **others: Any) -> Outcome:
    instances = volume() if instances is None else instances
    found = instances if truth is None else Comparison(instances, truth)
    return Outcome("worm", noise(instances.shape), found, **others)


def colors_of(image: Volume, palette: Palette = PALETTES["paper"]) -> set[str]:
    """Name the colors that a good part of an image has; the gray below them is taken out."""
    lowest, highest = image.min(axis=-1), image.max(axis=-1)
    colored = highest - lowest > 0.4
    pure = (image[colored] - lowest[colored, None]) / (highest - lowest)[colored, None]
    enough = 0.01 * len(pure)
    wanted = {name: (np.array(color) - min(color)) / (max(color) - min(color)) for name, color in palette.agreement.items()}  # fmt: skip
    return {name for name, color in wanted.items() if (np.abs(pure - color).max(axis=-1) < 0.1).sum() > enough}


def shown(figure: Figure) -> dict[str, Volume]:
    """Images by heading."""
    return {ax.get_title(): np.asarray(ax.images[0].get_array()) for ax in figure.axes if ax.images}


def marked(figure: Figure) -> dict[str, dict[str, list[list[float]]]]:
    """Points by heading and name: column and row of each."""
    return {
        ax.get_title(): {str(marks.get_label()): np.asarray(marks.get_offsets()).tolist() for marks in ax.collections}
        for ax in figure.axes
        if ax.images
    }
