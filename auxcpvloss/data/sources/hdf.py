"""Hdf5 files, with image and labels in data.raw_key and data.gt_key.

Arrays that lie in other files are refused, and so are chunks that expand beyond what they say.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.sources.arrays import ArrayImage, array_format
from auxcpvloss.data.sources.recorded import KNOWN
from auxcpvloss.data.untrusted.chunks import SLACK, check_chunk, check_chunks
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lazy import lazily

if TYPE_CHECKING:
    import h5py
else:
    h5py = lazily("h5py")

FILTERS = {1: "zlib", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf"}
"""Filters built into the library, by their numbers; the output of all but the first is bounded by their input."""
OTHER_FILTERS = {
    307: "bzip2", 32001: "Blosc", 32004: "LZ4", 32008: "Bitshuffle", 32013: "ZFP", 32015: "Zstandard", 32017: "SZ",
    32024: "SZ3", 32026: "Blosc2",
}  # fmt: skip
"""Filters of plugins."""
DEFLATE = 1
AT_ONCE = 10_000
"""Chunks that are read at once; HDF5 needs some 6 kB of memory for each."""
MOST_LINKS = 10
"""Links to links that are followed."""


class HdfImage(ArrayImage):
    """An array in an hdf5 file."""

    def has(self, key: str) -> bool:
        """Whether there is such an array."""
        with self._file() as file:
            return isinstance(_item(file, key), h5py.Dataset)

    def keys(self) -> list[str]:
        """List the arrays."""
        keys: list[str] = []
        with self._file() as file:
            file.visititems(lambda key, item: keys.append(key) if isinstance(item, h5py.Dataset) else None)
        return keys

    def attributes(self, key: str) -> dict[str, Any]:
        """Read those attributes that are known."""
        with self._file() as file:
            item = _item(file, key)
            if item is None:
                return {}
            found = {name: item.attrs[name] for name in KNOWN if name in item.attrs}
            found = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in found.items()}
            labels = [axis.label for axis in item.dims] if isinstance(item, h5py.Dataset) else []
            return {"dimension_names": labels, **found} if any(labels) else found

    @contextmanager
    def open(self, key: str) -> Iterator[Any]:
        """Open the array."""
        with self._file() as file:
            yield _InPieces(file[key])

    def check(self, key: str, array: _InPieces) -> None:
        """Refuse an array that refers to other files, does not fit into memory, or has a chunk that does not."""
        stored = array.stored
        if stored.external or stored.is_virtual or Path(stored.file.filename).resolve() != self.path.resolve():
            raise InputError(f"{self}: refers to another file; only arrays stored in the file itself are read")
        check_declared(self, stored.shape, stored.dtype)
        if not stored.chunks:
            return
        check_chunks(str(self), stored.shape, stored.chunks, stored.dtype)
        made = stored.id.get_create_plist()
        filters = [made.get_filter(number)[0] for number in range(made.get_nfilters())]
        _check_filters(str(self), filters)
        if DEFLATE in filters:
            _check_expansion(str(self), stored, filters.index(DEFLATE))

    def stored(self, key: str, array: _InPieces) -> NDArray[np.bool_]:
        """Which chunks were written; of an array without chunks, whether anything was."""
        grid = np.zeros([-(-size // chunk) for size, chunk in zip(array.shape, array.chunks, strict=True)], bool)
        if array.stored.chunks:
            for info in _chunks(array.stored):
                grid[tuple(at // chunk for at, chunk in zip(info.chunk_offset, array.chunks, strict=True))] = True
        else:
            grid[...] = array.stored.id.get_storage_size() > 0
        return grid

    @contextmanager
    def _file(self) -> Iterator[h5py.File]:
        with reading(self.path), h5py.File(self.path, "r") as file:
            yield file


HDF = array_format("hdf", (".hdf", ".h5", ".hdf5"), HdfImage)


class _InPieces:
    """An array that is read a limited number of chunks at a time."""

    def __init__(self, stored: h5py.Dataset) -> None:
        self.stored = stored
        self.shape: tuple[int, ...] = stored.shape or ()
        self.chunks: tuple[int, ...] = stored.chunks or tuple(max(1, size) for size in self.shape)
        self.fill_value = stored.fillvalue

    def __getitem__(self, index: tuple[int | slice, ...]) -> NDArray[Any]:
        """Read all of some axes, and one place along the others."""
        ranges = [
            range(size) if isinstance(place, slice) else range(place, place + 1)
            for size, place in zip(self.shape, index, strict=True)
        ]
        out = np.empty([len(each) for each in ranges], self.stored.dtype)
        for piece in _pieces(ranges, self.chunks):
            there = tuple(slice(each.start, each.stop) for each in piece)
            here = [slice(a.start - b.start, a.stop - b.start) for a, b in zip(piece, ranges, strict=True)]
            out[tuple(here)] = self.stored[there]
        return out[tuple(slice(None) if isinstance(place, slice) else 0 for place in index)]


def _pieces(ranges: Sequence[range], chunks: Sequence[int]) -> Iterator[tuple[range, ...]]:
    """Cut a box into boxes of whole chunks, as many as are read at once."""
    left, steps = AT_ONCE, []
    for each, chunk in reversed(list(zip(ranges, chunks, strict=True))):
        take = max(1, min(left, -(-len(each) // chunk)))
        left //= take
        steps.append(take * chunk)
    cuts = [range(each.start, each.stop, step) for each, step in zip(ranges, reversed(steps), strict=True)]
    for starts in itertools.product(*cuts):
        yield tuple(
            range(start, min(start + cut.step, cut.stop)) for start, cut in zip(starts, cuts, strict=True)
        )  # fmt: skip


def _item(file: h5py.File, key: str, links: int = MOST_LINKS) -> Any:
    """Find an array or group without opening another file; None where there is none."""
    item: Any = file
    parts = [part for part in key.split("/") if part]
    for number, part in enumerate(parts):
        link = item.get(part, getlink=True) if isinstance(item, h5py.Group) else None
        if isinstance(link, h5py.ExternalLink):
            raise InputError(f"{file.filename}: {key}: refers to another file; only arrays of the file itself are read")
        if isinstance(link, h5py.SoftLink) and links:
            start = "" if link.path.startswith("/") else item.name
            return _item(file, "/".join((start, link.path, *parts[number + 1 :])), links - 1)
        if not isinstance(link, h5py.HardLink):
            return None
        item = item[part]
    return item


def _check_filters(origin: str, filters: Sequence[int]) -> None:
    others = [f"{OTHER_FILTERS.get(each, 'unknown')} ({each})" for each in filters if each not in FILTERS]
    if others:
        raise InputError(
            f"{origin}: compressed with a plugin of HDF5, {', '.join(others)}, which is not supported. Store the array "
            "again with gzip: h5repack -f GZIP=4 OLD NEW, or in Python, with hdf5plugin imported: "
            "create_dataset(..., compression='gzip')"
        )
    if len(set(filters)) < len(filters):
        names = ", ".join(FILTERS[each] for each in filters)
        raise InputError(f"{origin}: stored with the filters {names}; each is supported at most once")


def _check_expansion(origin: str, array: h5py.Dataset, deflate: int) -> None:
    """Refuse a chunk that expands beyond its size; `deflate` is the number of that filter among those of the array."""
    limit = math.prod(array.chunks) * array.dtype.itemsize + SLACK
    for info in _chunks(array):
        try:
            if info.size > limit:
                raise ValueError(f"{info.size:,} bytes, more than the {limit:,} bytes of a chunk")
            # Bits say which filters were left out for a chunk.
            if not info.filter_mask >> deflate & 1:
                check_chunk(array.id.read_direct_chunk(info.chunk_offset)[1], FILTERS[DEFLATE], limit)
        except ValueError as error:
            raise InputError(f"{origin}: cannot be read: chunk at {info.chunk_offset}: {error}") from None


def _chunks(array: h5py.Dataset) -> list[Any]:
    """List where the chunks are that were written."""
    found: list[Any] = []
    array.id.chunk_iter(found.append)
    return found
