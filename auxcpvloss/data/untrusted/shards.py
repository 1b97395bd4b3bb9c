"""Shards of zarr 3: files that hold many chunks, and an index of where each of them is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ABSENT = 2**64 - 1
"""Stands in an index for a chunk that is not stored."""


@dataclass(frozen=True)
class Shards:
    """How the shards of an array are stored.

    Attributes
    ----------
    shape : tuple of int
        Voxels in a shard.
    index_at_end : bool
        Whether the index is behind the chunks, not before them.
    index_trailer : int
        Bytes of the checksum behind the index.
    """

    shape: tuple[int, ...]
    index_at_end: bool
    index_trailer: int

    def counts(self, chunks: tuple[int, ...]) -> tuple[int, ...]:
        """How many chunks a shard has along each axis."""
        return tuple(outer // inner for outer, inner in zip(self.shape, chunks, strict=True))

    def entries(self, file: Path, chunks: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], int, int]]:
        """Give the place in the shard, the offset in the file and the size of each chunk that is stored."""
        counts = self.counts(chunks)
        length, whole = 16 * math.prod(counts), file.stat().st_size
        if whole < length + self.index_trailer:
            raise ValueError(f"{whole:,} bytes, too few for the index of a shard")
        with file.open("rb") as stored:
            stored.seek(whole - length - self.index_trailer if self.index_at_end else 0)
            index = np.frombuffer(stored.read(length), "<u8").reshape(*counts, 2)
        for place in np.argwhere((index != ABSENT).any(axis=-1)).tolist():
            offset, size = index[tuple(place)].tolist()
            yield tuple(place), offset, size
