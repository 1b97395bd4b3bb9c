"""How a volume is covered with tiles such that no seam shows."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count, product

from auxcpvloss.network.shapes import AxisGeometry, Shape


@dataclass(frozen=True)
class Tiling:
    """Tiles of equal shape, from the volume's first voxel on.

    Attributes
    ----------
    input_shape : (Z, Y, X)
        What the network gets for each tile.
    tile : (Z, Y, X)
        What is kept of its output.
    margin : (Z, Y, X)
        Voxels of the input before the tile.
    output_offset : (Z, Y, X)
        Voxels of the network's output before the tile.
    counts : (Z, Y, X)
        Number of tiles along each axis.
    """

    input_shape: Shape
    tile: Shape
    margin: Shape
    output_offset: Shape
    counts: Shape


def tile_volume(geometry: Sequence[AxisGeometry], limit: Shape, volume: Shape) -> Tiling:
    """Cover a volume with as few tiles as an input shape allows, each no larger than needed.

    A network with pooling does not commute with all shifts of its input, only with multiples of its total
    downsampling factor. Tiles are multiples of that, so that every voxel sees the same grid however the volume is
    tiled; what a "same" network makes of the zeros beyond its input is cut away.

    Parameters
    ----------
    geometry : three of AxisGeometry
    limit : (Z, Y, X)
        Largest input, ``model.test_input_shape``.
    volume : (Z, Y, X)

    Returns
    -------
    Tiling
    """
    axes = [_tile_axis(*axis) for axis in zip(geometry, limit, volume, strict=True)]
    columns = [(z, y, x) for z, y, x in zip(*axes, strict=True)]
    return Tiling(*columns)


def tile_together(
    geometries: Sequence[Sequence[AxisGeometry]], tilings: Sequence[Tiling], volume: Shape
) -> list[Tiling]:
    """Cover a volume with the same tiles for several networks: no larger than those of any, but for their factors.

    Parameters
    ----------
    geometries : sequence of three AxisGeometry
    tilings : sequence of Tiling
        One a network.
    volume : (Z, Y, X)
    """
    if len({(tiling.tile, tiling.counts) for tiling in tilings}) == 1:
        return list(tilings)
    periods = [math.lcm(*(axis.total_factor for axis in axes)) for axes in zip(*geometries, strict=True)]
    least = [min(tiling.tile[axis] for tiling in tilings) for axis in range(3)]
    tile = [max(period, size // period * period) for period, size in zip(periods, least, strict=True)]
    counts = [math.ceil(size / length) for size, length in zip(volume, tile, strict=True)]
    found = []
    for geometry in geometries:
        sizes = [smallest_tileable(axis, length) for axis, length in zip(geometry, tile, strict=True)]
        used = [_usable(axis, size)[1:] for axis, size in zip(geometry, sizes, strict=True)]
        columns = zip(sizes, tile, *zip(*used, strict=True), counts, strict=True)
        found.append(Tiling(*((z, y, x) for z, y, x in zip(*columns, strict=True))))
    return found


def tile_of(geometry: Sequence[AxisGeometry], input_shape: Shape) -> Shape:
    """Give what predictions keep of the network's output for an input: all but what depends on how it is tiled."""
    z, y, x = (_usable(*axis)[0] for axis in zip(geometry, input_shape, strict=True))
    return z, y, x


@cache
def _tile_axis(geometry: AxisGeometry, limit: int, volume: int) -> tuple[int, int, int, int, int]:
    tiles = math.ceil(volume / _usable(geometry, limit)[0])
    size = next(size for size in range(1, limit + 1) if _usable(geometry, size)[0] * tiles >= volume)
    return size, *_usable(geometry, size), tiles


@cache
def _usable(geometry: AxisGeometry, size: int) -> tuple[int, int, int]:
    """Length of the tile that an input of `size` gives (0: none), its begin in the input and in the output."""
    output = geometry.output_size(size)
    if output is None:
        return 0, 0, 0
    factor = geometry.total_factor
    before = math.ceil(geometry.before / factor) * factor
    if not geometry.valid:
        margin = math.ceil(max(geometry.context, before) / factor) * factor
        return max(0, size - 2 * margin), margin, margin
    lost = (size - output) // 2
    first = lost + before
    margin = next(m for m in count(first) if geometry.begins_window(-m)) if geometry.aligned else first
    return max(0, output + lost - margin) // factor * factor, margin, margin - lost


def smallest_tileable(geometry: AxisGeometry, tile: int = 1) -> int:
    """Smallest input along an axis of which a tile of so many voxels remains."""
    return next(size for size in count(1) if _usable(geometry, size)[0] >= tile)


def least_waste(geometry: Sequence[AxisGeometry], volume: Shape, need: Callable[[Shape], int], memory: float) -> Shape:
    """Choose the largest input such that the tiles of a volume take the least work that memory allows.

    Work is taken to be proportional to the voxels of all inputs. Of ways that are equal the first axes are cut, which
    keeps rows of voxels together.

    Parameters
    ----------
    geometry : three of AxisGeometry
    volume : (Z, Y, X)
    need : callable
        Input shape -> bytes that the network needs for it; more for more voxels.
    memory : float
        Bytes that it may need. If not even the smallest tiles fit, these are chosen.

    Returns
    -------
    (Z, Y, X)
        To be given to `tile_volume`.
    """
    in_z, in_y, in_x = (_ways(*axis) for axis in zip(geometry, volume, strict=True))
    best, least = (in_z[-1][0], in_y[-1][0], in_x[-1][0]), math.inf
    for (z, nz), (y, ny) in product(in_z, in_y):
        # The fewest tiles along x that fit.
        first = bisect_left(in_x, True, key=lambda way: need((z, y, way[0])) <= memory)
        if first < len(in_x):
            x, nx = in_x[first]
            if (work := z * y * x * nz * ny * nx) <= least:
                best, least = (z, y, x), work
    return best


@cache
def _ways(geometry: AxisGeometry, volume: int) -> list[tuple[int, int]]:
    """Give the inputs by which an axis can be covered, and the number of tiles, from one tile to the smallest ones."""
    smallest, ways, tiles = smallest_tileable(geometry), [], 1
    while True:
        size = smallest_tileable(geometry, math.ceil(volume / tiles))
        ways.append((size, math.ceil(volume / _usable(geometry, size)[0])))
        if size == smallest:
            return ways
        # Of many tiles, one more saves hardly any memory.
        tiles += max(1, tiles // 8)
