"""Where batches are read from."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import gunpowder as gp
import numpy as np
from gunpowder.profiling import Timing
from numpy.typing import NDArray

from auxcpvloss.data.store import CHUNKS
from auxcpvloss.data.volume import Volume
from auxcpvloss.pipeline.memory import CACHE


class DecodedChunks:
    """Reads boxes of volumes, and keeps the chunks that were used last.

    Parameters
    ----------
    limit : int
        Bytes that are kept.
    """

    def __init__(self, limit: int = CACHE) -> None:
        self.limit, self.size = limit, 0
        self._held: OrderedDict[tuple[int, tuple[int, ...]], NDArray[Any]] = OrderedDict()
        self._rooms: dict[gp.ArrayKey, NDArray[np.uint8]] = {}

    def room(self, key: gp.ArrayKey, shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Give an array of any content, in memory that the next call for this key gives again.

        A process would spend more time on having new memory than on filling it.
        """
        needed = math.prod(shape) * dtype.itemsize
        if key not in self._rooms or self._rooms[key].size < needed:
            self._rooms[key] = np.empty(needed, np.uint8)
        return self._rooms[key][:needed].view(dtype).reshape(shape)

    def read(self, volume: Volume | NDArray[Any], first: Sequence[int], out: NDArray[Any]) -> None:
        """Fill an array with the voxels of a volume from `first` on; an `InputError` where a chunk is damaged."""
        for parts in product(*map(_parts, first, out.shape, CHUNKS)):
            places, within, there = zip(*parts, strict=True)
            out[there] = self._chunk(volume, places)[within]

    def _chunk(self, volume: Volume | NDArray[Any], number: tuple[int, ...]) -> NDArray[Any]:
        place = id(volume), number
        if place in self._held:
            self._held.move_to_end(place)
            return self._held[place]
        chunk = volume[tuple(slice(n * size, (n + 1) * size) for n, size in zip(number, CHUNKS, strict=True))]
        self._held[place], self.size = chunk, self.size + chunk.nbytes
        while self.size > self.limit:
            self.size -= self._held.popitem(last=False)[1].nbytes
        return chunk


def _parts(first: int, size: int, chunk: int) -> Iterator[tuple[int, slice, slice]]:
    """Cut a range along one axis where chunks end: number of the chunk, the part within it, and within the range."""
    for number in range(first // chunk, -(-(first + size) // chunk)):
        begin = number * chunk
        low, high = max(first, begin), min(first + size, begin + chunk)
        yield number, slice(low - begin, high - begin), slice(low - first, high - first)


class PaddedSource(gp.BatchProvider):
    """Read arrays of one volume, continued beyond its ends.

    Parameters
    ----------
    volumes : mapping of array key to Volume, or array
    values : mapping of array key to number
        What is beyond the ends. Images, in floating point, are continued with 0 and may be interpolated.
    padding : (z, y, x)
        How far, in voxels.
    chunks : DecodedChunks
    """

    def __init__(
        self,
        volumes: Mapping[gp.ArrayKey, Volume | NDArray[Any]],
        values: Mapping[gp.ArrayKey, int],
        padding: tuple[int, ...],
        chunks: DecodedChunks,
    ) -> None:
        self.volumes, self.values, self.padding, self.chunks = volumes, values, padding, chunks

    def setup(self) -> None:
        """Announce the arrays with their padding."""
        for key, volume in self.volumes.items():
            spec = gp.ArraySpec(
                roi=gp.Roi((0, 0, 0), volume.shape).grow(self.padding, self.padding),
                voxel_size=gp.Coordinate(1, 1, 1),
                interpolatable=volume.dtype.kind == "f",
                dtype=volume.dtype,
            )
            self.provides(key, spec)

    def set_seeds(self, request: gp.BatchRequest) -> None:
        """Seed what nodes draw after reading: four steps on, as when two nodes of gunpowder padded the arrays."""
        for _ in range(4):
            request = request.copy()
        super().set_seeds(request)

    def provide(self, request: gp.BatchRequest) -> gp.Batch:
        """Read what is asked for, until the next request; an `InputError` where it is missing or damaged."""
        timing, batch = Timing(self), gp.Batch()
        timing.start()
        for key, asked in request.array_specs.items():
            spec = self.spec[key].copy()
            spec.roi = asked.roi
            batch[key] = gp.Array(self._read(key, asked.roi), spec)
        timing.stop()
        batch.profiling_stats.add(timing)
        return batch

    def _read(self, key: gp.ArrayKey, roi: gp.Roi) -> NDArray[Any]:
        volume = self.volumes[key]
        inside = roi.intersect(gp.Roi((0, 0, 0), volume.shape))
        data = self.chunks.room(key, roi.shape, volume.dtype)
        if inside != roi:
            data[...] = self.values[key]
        if not inside.empty:
            self.chunks.read(volume, inside.begin, data[(inside - roi.begin).to_slices()])
        return data
