"""From the detections in overlapping tiles of an image to labels; pure functions of arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

SAME = 0.5
"""IoU, in what two tiles share, above which two masks are one nucleus."""
LEFT = 0.5
"""Share of a mask that better ones must leave it; else it is taken for another view of what they found."""

Mask = NDArray[np.bool_]


class Tile(NamedTuple):
    """A rectangle of an image, in pixels: rows from `top` to before `bottom`, columns from `left` to before `right`."""

    top: int
    left: int
    bottom: int
    right: int

    def within(self, other: Tile) -> Tile:
        """Give what both share; empty where a side ends before it begins."""
        return Tile(*map(max, self[:2], other[:2]), *map(min, self[2:], other[2:]))

    @property
    def is_empty(self) -> bool:
        """Whether it has no pixel."""
        return self.bottom <= self.top or self.right <= self.left


@dataclass(frozen=True, eq=False)
class Instance:
    """A nucleus that was found in a tile.

    Attributes
    ----------
    score : float
    place : Tile
        Box of the mask in the image.
    mask : array of bool
        (`place.bottom` - `place.top`, `place.right` - `place.left`).
    tile : int
        Number of the tile; -1 where those of several were united.
    is_cut : bool
        Whether it reaches the edge of its tile where the image goes on, so that a part of it may be missing.
    """

    score: float
    place: Tile
    mask: Mask
    tile: int
    is_cut: bool

    def part(self, box: Tile) -> Mask:
        """Give the mask in a box that lies within `place`."""
        top, left = self.place[:2]
        return self.mask[box.top - top : box.bottom - top, box.left - left : box.right - left]


def tiles_of(shape: Sequence[int], side: int, overlap: int) -> list[Tile]:
    """Cover an image with squares that overlap by at least so many pixels, evenly spread; the last end at its edge.

    Along an axis that is shorter than `side`, tiles are as long as the axis.
    """
    if not 0 <= overlap < side:
        raise ValueError(f"the overlap {overlap} must be from 0 to below the side {side} of a tile")
    rows, columns = (_starts(size, side, overlap) for size in shape)
    ends = [min(side, size) for size in shape]
    return [Tile(top, left, top + ends[0], left + ends[1]) for top in rows for left in columns]


def _starts(size: int, side: int, overlap: int) -> list[int]:
    number = 1 + max(0, -(-(size - side) // (side - overlap)))
    return np.linspace(0, max(0, size - side), number).round().astype(int).tolist()


def paste(probabilities: NDArray[Any], box: Sequence[float], within: Tile) -> tuple[Tile, Mask] | None:
    """Draw a mask that a network gives on a grid of its own into its box, as far as this lies in a tile.

    Parameters
    ----------
    probabilities : (M, M) array
        Centers of its cells are spread evenly over the box; 0 beyond it.
    box : (left, top, right, bottom)
        In pixels of the image; the center of pixel i lies at i + 0.5.
    within : Tile

    Returns
    -------
    (place, mask), or None if no pixel is above 0.5
    """
    left, top, right, bottom = box
    rows = range(max(within.top, int(np.floor(top))), min(within.bottom, int(np.ceil(bottom))))
    columns = range(max(within.left, int(np.floor(left))), min(within.right, int(np.ceil(right))))
    if not rows or not columns or right <= left or bottom <= top:
        return None
    size = np.array(probabilities.shape)
    y = (np.array(rows) + 0.5 - top) / (bottom - top) * size[0] - 0.5
    x = (np.array(columns) + 0.5 - left) / (right - left) * size[1] - 0.5
    grid = np.meshgrid(y, x, indexing="ij")
    drawn = ndi.map_coordinates(probabilities.astype(np.float32), grid, order=1, mode="grid-constant") > 0.5
    if not drawn.any():
        return None
    (top_row, bottom_row), (left_column, right_column) = (
        np.flatnonzero(drawn.any(axis))[[0, -1]].tolist() for axis in (1, 0)
    )
    place = Tile(rows[top_row], columns[left_column], rows[bottom_row] + 1, columns[right_column] + 1)
    return place, drawn[top_row : bottom_row + 1, left_column : right_column + 1]


def is_cut(place: Tile, tile: Tile, shape: Sequence[int], margin: int = 0) -> bool:
    """Tell whether a box comes as near as `margin` to an edge of its tile at which the image goes on."""
    before = any(place[i] <= tile[i] + margin and tile[i] > 0 for i in (0, 1))
    return before or any(place[2 + i] >= tile[2 + i] - margin and tile[2 + i] < shape[i] for i in (0, 1))


def unite(instances: Sequence[Instance], tiles: Sequence[Tile]) -> list[Instance]:
    """Make one of the instances of several tiles that are the same nucleus.

    Two of different tiles are the same if their IoU in what both tiles show is above `SAME`, and all that hang
    together are one. Of these the best that is not cut counts. Where all are cut, as a nucleus larger than what tiles
    share, they are united, with the highest score.
    """
    group = np.arange(len(instances))
    for one, other in _same(instances, tiles):
        group[group == group[other]] = group[one]
    return [_one_of([instances[i] for i in np.flatnonzero(group == number)]) for number in np.unique(group)]


def _same(instances: Sequence[Instance], tiles: Sequence[Tile]) -> Iterator[tuple[int, int]]:
    by_tile = [[n for n, each in enumerate(instances) if each.tile == i] for i in range(len(tiles))]
    boxes = np.array([each.place for each in instances]).reshape(-1, 4)
    for a, b in combinations(range(len(tiles)), 2):
        shared = tiles[a].within(tiles[b])
        if shared.is_empty:
            continue
        ones, others = boxes[by_tile[a], None], boxes[None, by_tile[b]]
        starts, ends = np.maximum(ones, others)[..., :2], np.minimum(ones, others)[..., 2:]
        for i, j in np.argwhere((starts < ends).all(axis=-1)).tolist():
            if _iou(instances[by_tile[a][i]], instances[by_tile[b][j]], shared) > SAME:
                yield by_tile[a][i], by_tile[b][j]


def _iou(one: Instance, other: Instance, shared: Tile) -> float:
    both = one.place.within(other.place).within(shared)
    if both.is_empty:
        return 0.0
    intersection = int((one.part(both) & other.part(both)).sum())
    areas = [int(each.part(each.place.within(shared)).sum()) for each in (one, other)]
    return intersection / (sum(areas) - intersection)


def _one_of(same: Sequence[Instance]) -> Instance:
    if whole := [each for each in same if not each.is_cut]:
        return max(whole, key=lambda each: each.score)
    if len(same) == 1:
        return same[0]
    places = np.array([each.place for each in same])
    place = Tile(*places[:, :2].min(axis=0).tolist(), *places[:, 2:].max(axis=0).tolist())
    mask = np.zeros((place.bottom - place.top, place.right - place.left), bool)
    united = Instance(max(each.score for each in same), place, mask, -1, True)
    for each in same:
        united.part(each.place)[...] |= each.mask
    return united


def draw(instances: Sequence[Instance], shape: Sequence[int], threshold: float = 0.0) -> NDArray[np.uint32]:
    """Number the instances with at least some score in an image; a pixel belongs to the best that covers it.

    Those that are not cut are better than those that are, then scores decide. An instance that is left less than
    `LEFT` of its pixels is dropped; of one that falls apart the largest piece stays.
    """
    labels = np.zeros(tuple(shape), np.uint32)
    chosen = sorted(
        (each for each in instances if each.score >= threshold), key=lambda each: (each.is_cut, -each.score)
    )
    number = 0
    for each in chosen:
        region = labels[each.place.top : each.place.bottom, each.place.left : each.place.right]
        free = each.mask & (region == 0)
        if not free.any() or free.sum() < LEFT * each.mask.sum():
            continue
        number += 1
        region[_largest_piece(free)] = number
    return labels


def _largest_piece(mask: Mask) -> Mask:
    pieces, number = ndi.label(mask)
    return pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:]) if number > 1 else mask
