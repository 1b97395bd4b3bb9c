"""Outlines of labels in a plane, as SVG paths that follow the edges of pixels exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Corner = tuple[int, int]
Edge = tuple[int, Corner]
"""A label, and the corner that one of its edges begins in."""

STEPS = {"E": (0, 1), "S": (1, 0), "W": (0, -1), "N": (-1, 0)}


def outline_paths(labels: NDArray[Any], asked: Sequence[int]) -> tuple[str, str]:
    """Give the ``d`` of two SVG paths, x to the right and y down, a unit a pixel: around other labels, and those asked.

    Parameters
    ----------
    labels : (Y, X) array of integer
        0 is background. What touches the border of the array is closed there.
    asked : sequence of int
    """
    paths = ["", ""]
    for label, corners in _loops(_edges(labels)):
        paths[label in asked] += _commands(corners)
    return paths[0], paths[1]


def _edges(labels: NDArray[Any]) -> dict[Edge, list[str]]:
    """Collect the edges around every label, walked so that the label is to the right: where they begin, and go to."""
    rows, columns = labels.shape
    padded = np.pad(labels, 1)
    # Direction of the walk, where the neighbour is, and the corner of the pixel that the walk begins in.
    sides = (("E", (-1, 0), (0, 0)), ("S", (0, 1), (0, 1)), ("W", (1, 0), (1, 1)), ("N", (0, -1), (1, 0)))
    edges: dict[Edge, list[str]] = {}
    for direction, (down, right), corner in sides:
        neighbour = padded[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]
        at = np.nonzero((labels != 0) & (labels != neighbour))
        begins = zip((at[0] + corner[0]).tolist(), (at[1] + corner[1]).tolist(), strict=True)
        for edge in zip(labels[at].tolist(), begins, strict=True):
            edges.setdefault(edge, []).append(direction)
    return edges


def _loops(edges: dict[Edge, list[str]]) -> Iterator[tuple[int, list[Corner]]]:
    """Walk the edges; of each loop the label, and the corners where it turns."""
    for label, begin in list(edges):
        while directions := edges[label, begin]:
            corners, at, going = [begin], begin, directions.pop()
            while True:
                at = (at[0] + STEPS[going][0], at[1] + STEPS[going][1])
                if at == begin:
                    break
                after = edges[label, at].pop()
                if after != going:
                    corners.append(at)
                going = after
            yield label, corners


def _commands(corners: list[Corner]) -> str:
    (row, column), *others = corners
    text = f"M{column} {row}"
    for next_row, next_column in others:
        text += f"v{next_row - row}" if next_column == column else f"h{next_column - column}"
        row, column = next_row, next_column
    return text + "z"
