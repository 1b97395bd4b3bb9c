"""Outlines of labels in a plane, as SVG paths that follow the edges of pixels exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray
from scipy import ndimage


def outline_paths(labels: NDArray[Any], asked: Sequence[int]) -> tuple[str, str]:
    """Give the ``d`` of two SVG paths, x to the right and y down, a unit a pixel: around other labels, and those asked.

    Labels are a (Y, X) array; 0 is background. What touches the border of the array is closed there.
    """
    paths = ["", ""]
    ids, numbers = np.unique(labels, return_inverse=True)
    numbers = numbers.reshape(labels.shape) + 1
    for number, (label, box) in enumerate(zip(ids.tolist(), ndimage.find_objects(numbers), strict=True), start=1):
        if label:
            paths[label in asked] += "".join(map(_commands, _outlines(numbers[box] == number, box)))
    return paths[0], paths[1]


def _outlines(mask: NDArray[np.bool_], box: tuple[slice, slice]) -> list[NDArray[np.int64]]:
    """Give closed lines around a mask, (N, 2) corners (x, y) each, in pixels of the plane that the box is cut from."""
    # A point at each corner of each pixel: those of neighbours coincide, so that the contour runs along their edge.
    y, x = (np.arange(side.start - 1, side.stop + 2).repeat(2)[1:-1] for side in box)
    doubled = np.pad(mask, 1).repeat(2, axis=0).repeat(2, axis=1)
    found = []
    for line in contour_generator(x, y, doubled, name="serial").lines(0.5):
        corners = np.asarray(line, np.int64)
        steps = np.diff(corners, axis=0)
        moves = steps.any(axis=1)
        is_vertical = steps[moves, 1] != 0
        found.append(corners[:-1][moves][is_vertical != np.roll(is_vertical, 1)])
    return found


def _commands(corners: NDArray[np.int64]) -> str:
    (column, row), *_ = corners.tolist()
    steps = np.diff(corners, axis=0).tolist()
    return f"M{column} {row}" + "".join(f"v{down}" if down else f"h{right}" for right, down in steps) + "z"
