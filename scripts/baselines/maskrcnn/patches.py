"""Random patches of labelled images, and what Mask R-CNN is to find in them; pure functions of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

SMALLEST = 4
"""Pixels that a nucleus must have in a patch to be taught."""
ZOOM = (0.75, 4 / 3)
"""Range of the random zoom of patches."""
TRIES = 10
"""Patches that are drawn, at most, until one has a nucleus."""

Image = NDArray[Any]


def draw_patch(images: Sequence[tuple[Image, Image]], side: int, rng: np.random.Generator) -> tuple[Image, Image]:
    """Draw a square patch of one of several images with labels, zoomed, turned, flipped and in changed intensities.

    Images are (Y, X) arrays. Where a patch is larger than its image, 0 is beyond the image.
    """
    for _ in range(TRIES):
        image, labels = images[rng.integers(len(images))]
        image, labels = _zoomed(*_cut(image, labels, round(side / _zoom(rng)), rng), side)
        if labels.any():
            break
    turns, flip = rng.integers(4), rng.random() < 0.5
    image, labels = (np.rot90(each[:, ::-1] if flip else each, turns) for each in (image, labels))
    return (image * rng.uniform(0.6, 1.6) + rng.uniform(-0.1, 0.1)).astype(np.float32), np.ascontiguousarray(labels)


def _zoom(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(ZOOM))))


def _cut(image: Image, labels: Image, side: int, rng: np.random.Generator) -> tuple[Image, Image]:
    margins = [(0, max(0, side - size)) for size in image.shape]
    y, x = (int(rng.integers(max(1, size - side + 1))) for size in image.shape)
    cut, cut_labels = (np.pad(each, margins)[y : y + side, x : x + side] for each in (image, labels))
    return cut, cut_labels


def _zoomed(image: Image, labels: Image, side: int) -> tuple[Image, Image]:
    factors = [side / size for size in image.shape]
    options = {"mode": "nearest", "grid_mode": True}
    return ndi.zoom(image, factors, order=1, **options), ndi.zoom(labels, factors, order=0, **options)


def targets_of(labels: Image) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Give boxes and masks of the nuclei in a patch.

    Returns
    -------
    boxes : (N, 4) array
        left, top, right, bottom, in pixels: a nucleus of one pixel at the origin has the box 0, 0, 1, 1.
    masks : (N, Y, X) array
    """
    sizes = np.bincount(labels.ravel())
    numbers = [number for number in np.flatnonzero(sizes) if number and sizes[number] >= SMALLEST]
    masks = labels == np.array(numbers, labels.dtype)[:, None, None]
    boxes = np.empty((len(numbers), 4), np.float32)
    for i, mask in enumerate(masks):
        rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
        boxes[i] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return boxes, masks
