"""Predict a whole volume, on disk or in memory, tile by tile, with a gunpowder pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gunpowder as gp
import numpy as np
from numpy.typing import NDArray

from auxcpvloss.network.tiling import Tiling
from auxcpvloss.system.faults import unwrapping

Network = Callable[[NDArray[np.float32]], Mapping[str, NDArray[np.float32]]]


class Predict(gp.BatchFilter):
    """Run the network on each requested tile.

    Parameters
    ----------
    raw, tile : ArrayKey
        The tile's key stands for all outputs; they are stored, not passed on.
    network : callable
        (1, 1, Z, Y, X) -> {head: (1, C, Z', Y', X')}.
    tiling : Tiling
    store : callable
        (head, first voxel of the tile, (C, Z, Y, X) output) -> None.
    """

    def __init__(
        self,
        raw: gp.ArrayKey,
        tile: gp.ArrayKey,
        network: Network,
        tiling: Tiling,
        store: Callable[[str, tuple[int, ...], NDArray[np.float32]], None],
    ) -> None:
        self.raw, self.tile = raw, tile
        self.network, self.tiling, self.store = network, tiling, store

    def setup(self) -> None:
        """Announce the tiles: all of the raw image but the margin."""
        spec = self.spec[self.raw].copy()
        shape = gp.Coordinate(self.tiling.tile) * gp.Coordinate(self.tiling.counts)
        spec.roi = gp.Roi((0, 0, 0), shape)
        self.provides(self.tile, spec)

    def prepare(self, request: gp.BatchRequest) -> gp.BatchRequest:
        """Ask for the input of the tile."""
        dependencies = gp.BatchRequest()
        begin = request[self.tile].roi.begin - gp.Coordinate(self.tiling.margin)
        dependencies[self.raw] = gp.ArraySpec(roi=gp.Roi(begin, self.tiling.input_shape))
        return dependencies

    def process(self, batch: gp.Batch, request: gp.BatchRequest) -> gp.Batch:
        """Predict and store one tile."""
        outputs = self.network(batch[self.raw].data[np.newaxis, np.newaxis])
        window = tuple(
            slice(first, first + size) for first, size in zip(self.tiling.output_offset, self.tiling.tile, strict=True)
        )
        roi = request[self.tile].roi
        for head, output in outputs.items():
            self.store(head, tuple(roi.begin), output[0][(slice(None), *window)])
        done = gp.Batch()
        spec = gp.ArraySpec(roi=roi, voxel_size=gp.Coordinate(1, 1, 1))
        done[self.tile] = gp.Array(np.zeros(self.tiling.tile, dtype=np.bool_), spec)
        return done


class _Progress(gp.ScanCallback):
    def __init__(self, report: Callable[[int, int], None]) -> None:
        self.report, self.total = report, 0

    def start(self, num_total: int) -> None:
        self.total = num_total

    def update(self, num_processed: int) -> None:
        self.report(num_processed, self.total)


class ImageSource(gp.BatchProvider):
    """Give parts of an image that can be sliced like an array."""

    def __init__(self, image: Any, key: gp.ArrayKey) -> None:
        self.image, self.key = image, key

    def setup(self) -> None:
        """Announce the whole image."""
        roi = gp.Roi((0, 0, 0), self.image.shape)
        spec = gp.ArraySpec(roi=roi, voxel_size=gp.Coordinate(1, 1, 1), interpolatable=True, dtype=self.image.dtype)
        self.provides(self.key, spec)

    def provide(self, request: gp.BatchRequest) -> gp.Batch:
        """Read what is asked for; an `InputError` where it is missing or damaged."""
        roi, spec = request[self.key].roi, self.spec[self.key].copy()
        box = tuple(slice(first, last) for first, last in zip(roi.begin, roi.end, strict=True))
        spec.roi, batch = roi, gp.Batch()
        batch[self.key] = gp.Array(np.asarray(self.image[box]), spec)
        return batch


def scan_volume(
    image: Any,
    network: Network,
    tiling: Tiling,
    arrays: Mapping[str, Any],
    report: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Predict all of an image of any size.

    The volume is continued with zeros beyond its ends, as in training.

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
    raw, tile = gp.ArrayKey("RAW"), gp.ArrayKey("TILE")

    def store(head: str, begin: tuple[int, ...], data: NDArray[np.float32]) -> None:
        if head in arrays:
            end = np.minimum(np.add(begin, tiling.tile), image.shape)
            inside = tuple(slice(0, last - first) for first, last in zip(begin, end, strict=True))
            target = tuple(slice(first, last) for first, last in zip(begin, end, strict=True))
            arrays[head][(slice(None), *target)] = data[(slice(None), *inside)]

    covered = np.multiply(tiling.tile, tiling.counts)
    reference = gp.BatchRequest()
    reference[tile] = gp.ArraySpec(roi=gp.Roi((0, 0, 0), tiling.tile))
    # What lies beyond the volume: the margin before it, and the rest of the last tile with its margin after it.
    padding = np.add(tiling.input_shape, covered - np.array(image.shape))
    pipeline = (
        ImageSource(image, raw)
        + gp.Pad(raw, tuple(int(size) for size in padding))
        + Predict(raw, tile, network, tiling, store)
        + gp.Scan(reference, progress_callback=_Progress(report))
    )
    with unwrapping(), gp.build(pipeline):
        pipeline.request_batch(gp.BatchRequest())
