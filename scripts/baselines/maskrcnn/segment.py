"""Images as Mask R-CNN takes them, and labels of what it found, with the score threshold that suits validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.transform import resize

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.instances import compare
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.metrics.table import as_table, value_at
from auxcpvloss.system.errors import InputError
from baselines.maskrcnn.instances import Instance, Tile, is_cut, paste, unite

DIAMETER = 40.0
"""Diameter of the median nucleus as the network sees it, in pixels; its masks have 28 x 28."""
ZOOMS = (0.25, 2.0)
THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(1, 20))
MARGIN = 2
"""Pixels, as the network sees them, by which a box may miss the edge of its tile although the nucleus is cut there."""


def zoom_of(labelled: Sequence[NDArray[Any]]) -> float:
    """Give the factor by which images are scaled: the median nucleus becomes `DIAMETER` wide, within `ZOOMS`."""
    sizes = np.concatenate([np.bincount(labels.ravel())[1:] for labels in labelled])
    if not sizes.any():
        raise InputError("no nuclei in the images for training.")
    diameter = 2 * np.sqrt(np.median(sizes[sizes > 0]) / np.pi)
    return float(np.clip(DIAMETER / diameter, *ZOOMS))


def plane_of(volume: NDArray[Any], name: str) -> NDArray[Any]:
    """Give the plane of a volume of one, (Y, X); an `InputError` says if it has several."""
    if volume.ndim != 3 or volume.shape[0] != 1:
        shape = " x ".join(map(str, volume.shape))
        raise InputError(
            f"{name}: is {shape}, but Mask R-CNN finds nuclei in images of one plane only, not in volumes."
        )
    return volume[0]


def scaled(image: NDArray[Any], labels: NDArray[Any], zoom: float) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Scale an image, its percentiles 1 and 99.8 to 0 and 1, and its labels, both (Y, X), by a factor."""
    low, high = np.percentile(image, (1, 99.8))
    even = (image.astype(np.float32) - low) / max(high - low, 1e-6)
    shape = [max(1, round(size * zoom)) for size in image.shape]
    smooth = resize(even, shape, order=1, anti_aliasing=zoom < 1, mode="edge", preserve_range=True)
    nearest = resize(labels, shape, order=0, anti_aliasing=False, mode="edge", preserve_range=True)
    return smooth.astype(np.float32), nearest.astype(np.int32)


def instances_in(file: Path, shape: Sequence[int], seen: Sequence[int], tiles: Sequence[Tile]) -> list[Instance]:
    """Read what was found in the tiles of an image, one instance a nucleus, on the grid of the image.

    Parameters
    ----------
    file : Path
        As `training.detect` writes it.
    shape, seen : (Y, X)
        Of the image, and as the network sees it: `tiles` are of the latter.
    tiles : sequence of Tile
    """
    y, x = (size / smaller for size, smaller in zip(shape, seen, strict=True))
    places = [Tile(*(round(edge * by) for edge, by in zip(tile, (y, x, y, x), strict=True))) for tile in tiles]
    margin = round(MARGIN * max(y, x))
    instances = []
    with np.load(file) as arrays:
        for score, box, mask, tile in zip(
            *(arrays[name] for name in ("scores", "boxes", "masks", "tiles")), strict=True
        ):
            if drawn := paste(mask, box * np.array([x, y, x, y]), places[tile]):
                cut = is_cut(drawn[0], places[tile], shape, margin)
                instances.append(Instance(float(score), *drawn, int(tile), cut))
    return unite(instances, places)


def scorer(experiment: Experiment, volume: Volume) -> Callable[[NDArray[np.uint32]], float]:
    """Give a function that scores the labels, (Y, X), of an image by the metric that decides in validation."""
    sample = experiment.sample(volume).original

    def score(labels: NDArray[np.uint32]) -> float:
        padded = np.pad(labels[None], [(margin, margin) for margin in sample.padding])
        truth = sample.labels
        comparison = compare(experiment, sample, padded, None if truth is None else truth.read())
        return float(value_at(as_table(comparison, experiment.config.evaluation.metrics), experiment.metric))

    return score


def best_threshold(score: Callable[[float], float], tried: Sequence[float] = THRESHOLDS) -> tuple[float, float]:
    """Give the threshold with the highest score, among equals the nearest to 0.5 (then the lower), and its score."""
    scores = {threshold: score(threshold) for threshold in tried}
    best = max(tried, key=lambda threshold: (scores[threshold], -abs(threshold - 0.5)))
    return best, scores[best]
