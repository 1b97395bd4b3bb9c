"""Hdf5 files, with image and labels in data.raw_key and data.gt_key, axes Z, Y, X.

Arrays that lie in other files are refused, and so are chunks that expand beyond what they say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from auxcpvloss.data.sources.arrays import ArrayImage, array_format
from auxcpvloss.data.untrusted.chunks import SLACK, check_chunk
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.system.errors import InputError

FILTERS = {1: "zlib", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf"}
"""Filters built into the library, by their numbers; the output of all but the first is bounded by their input."""
DEFLATE = 1


class HdfImage(ArrayImage):
    """An array in an hdf5 file."""

    @property
    def is_there(self) -> bool:
        """Whether there is such an array."""
        with reading(self.path), h5py.File(self.path, "r") as file:
            return isinstance(file.get(self.key), h5py.Dataset)

    def there(self) -> str:
        """List the arrays."""
        keys: list[str] = []
        with reading(self.path), h5py.File(self.path, "r") as file:
            file.visititems(lambda key, item: keys.append(key) if isinstance(item, h5py.Dataset) else None)
        return f"there are: {', '.join(keys) or 'none'}"

    @contextmanager
    def open(self) -> Iterator[Any]:
        """Open the array."""
        with h5py.File(self.path, "r") as file:
            yield file[self.key]

    def check(self, array: h5py.Dataset) -> None:
        """Refuse an array that refers to other files, does not fit into memory, or has a chunk that does not."""
        if array.external or array.is_virtual or Path(array.file.filename).resolve() != self.path.resolve():
            raise InputError(f"{self}: refers to another file; only arrays stored in the file itself are read")
        check_declared(self, array.shape or (), array.dtype)
        if not array.chunks:
            return
        check_declared(f"{self}: its chunks", array.chunks, array.dtype)
        made = array.id.get_create_plist()
        filters = [made.get_filter(number)[0] for number in range(made.get_nfilters())]
        if len(set(filters)) < len(filters) or not set(filters) <= FILTERS.keys():
            names = ", ".join(FILTERS.get(number, f"number {number}") for number in filters)
            known = ", ".join(FILTERS.values())
            raise InputError(f"{self}: stored with the filters {names}; supported are {known}, each at most once")
        if DEFLATE in filters:
            _check_chunks(str(self), array)


HDF = array_format("hdf", (".hdf", ".h5", ".hdf5"), HdfImage)


def _check_chunks(origin: str, array: h5py.Dataset) -> None:
    limit = math.prod(array.chunks) * array.dtype.itemsize + SLACK
    for number in range(array.id.get_num_chunks()):
        info = array.id.get_chunk_info(number)
        try:
            if info.size > limit:
                raise ValueError(f"{info.size:,} bytes, more than the {limit:,} bytes of a chunk")
            # Bits say which filters were left out for a chunk.
            if not info.filter_mask:
                check_chunk(array.id.read_direct_chunk(info.chunk_offset)[1], FILTERS[DEFLATE], limit)
        except ValueError as error:
            raise InputError(f"{origin}: cannot be read: chunk at {info.chunk_offset}: {error}") from None
