"""Predict a whole volume, on disk or in memory, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.network.shapes import Shape
from auxcpvloss.network.tiling import Tiling

Network = Callable[[NDArray[np.float32]], Mapping[str, NDArray[np.float32]]]


def scan_volume(
    image: Any,
    network: Network,
    tiling: Tiling,
    arrays: Mapping[str, Any],
    report: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Predict all of an image of any size.

    The volume is continued with zeros beyond its ends, as in training. While the network computes a tile the next one
    is read and the last one is written.

    Parameters
    ----------
    image : (Z, Y, X) array of float32
        As prepared; it is read tile by tile.
    network : callable
        (1, 1, Z, Y, X) -> {head: (1, C, Z', Y', X')}.
    tiling : Tiling
    arrays : mapping of head name to (C, Z, Y, X) array, zarr or numpy, that is written to
        Heads that are not in it are dropped.
    report : callable
        Called with tiles done and tiles in all.
    """
    begins = [(z, y, x) for z, y, x in product(*map(_begins, tiling.tile, tiling.counts))]
    written: Future[None] | None = None
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        ahead = reader.submit(_read, image, tiling, begins[0])
        report(0, len(begins))
        for done, begin in enumerate(begins, start=1):
            raw = ahead.result()
            if done < len(begins):
                ahead = reader.submit(_read, image, tiling, begins[done])
            outputs = network(raw[np.newaxis, np.newaxis])
            # One at a time: no more are held in memory.
            if written is not None:
                written.result()
            written = writer.submit(_write, arrays, tiling, image.shape, begin, outputs)
            report(done, len(begins))
        if written is not None:
            written.result()


def _begins(tile: int, number: int) -> range:
    return range(0, tile * number, tile)


def _read(image: Any, tiling: Tiling, begin: Shape) -> NDArray[np.float32]:
    """Read the input of the tile that begins at a voxel, with zeros where there is no image."""
    first = np.subtract(begin, tiling.margin)
    inside = np.maximum(first, 0), np.minimum(first + tiling.input_shape, image.shape)
    box = tuple(slice(low, high) for low, high in zip(*inside, strict=True))
    raw = np.zeros(tiling.input_shape, np.float32)
    raw[tuple(slice(low, high) for low, high in zip(*(each - first for each in inside), strict=True))] = image[box]
    return raw


def _write(
    arrays: Mapping[str, Any], tiling: Tiling, shape: Shape, begin: Shape, outputs: Mapping[str, NDArray[np.float32]]
) -> None:
    """Write what is kept of the outputs of a tile, as far as it lies in the volume."""
    sizes = np.minimum(tiling.tile, np.subtract(shape, begin))
    kept = tuple(slice(low, low + size) for low, size in zip(tiling.output_offset, sizes, strict=True))
    target = tuple(slice(low, low + size) for low, size in zip(begin, sizes, strict=True))
    for head in outputs.keys() & arrays.keys():
        arrays[head][(slice(None), *target)] = outputs[head][0][(slice(None), *kept)]
