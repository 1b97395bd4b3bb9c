"""Arrays in hdf5 files: none that lies elsewhere, none that expands beyond what it says."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py

from auxcpvloss.data.untrusted.chunks import SLACK, check_chunk
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.system.errors import InputError

FILTERS = {1: "zlib", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf"}
"""Those that the library has built in, by their numbers; all but the first are bounded by what they are given."""
DEFLATE = 1


def check_dataset(path: Path, key: str, dataset: h5py.Dataset) -> None:
    """Refuse a dataset that refers to other files, does not fit into memory, or has a chunk that does not.

    Raises
    ------
    InputError
        Names file and key.
    """
    origin = f"{path}: {key}"
    if dataset.external or dataset.is_virtual or Path(dataset.file.filename).resolve() != path.resolve():
        raise InputError(f"{origin}: refers to another file; only arrays that lie in the file itself are read")
    check_declared(origin, dataset.shape or (), dataset.dtype)
    if not dataset.chunks:
        return
    check_declared(f"{origin}: its chunks", dataset.chunks, dataset.dtype)
    filters = _filters(dataset)
    if len(set(filters)) < len(filters) or not set(filters) <= FILTERS.keys():
        names = ", ".join(FILTERS.get(number, f"number {number}") for number in filters)
        known = ", ".join(FILTERS.values())
        raise InputError(f"{origin}: stored with the filters {names}; known are {known}, each once at most")
    if DEFLATE in filters:
        _check_chunks(origin, dataset)


def _filters(dataset: h5py.Dataset) -> list[int]:
    made = dataset.id.get_create_plist()
    return [made.get_filter(number)[0] for number in range(made.get_nfilters())]


def _check_chunks(origin: str, dataset: Any) -> None:
    limit = math.prod(dataset.chunks) * dataset.dtype.itemsize + SLACK
    for number in range(dataset.id.get_num_chunks()):
        info = dataset.id.get_chunk_info(number)
        try:
            if info.size > limit:
                raise ValueError(f"{info.size:,} bytes, more than the {limit:,} of a chunk")
            # Bits say which filters were left out for a chunk.
            if not info.filter_mask:
                check_chunk(dataset.id.read_direct_chunk(info.chunk_offset)[1], FILTERS[DEFLATE], limit)
        except ValueError as error:
            raise InputError(f"{origin}: cannot be read: chunk at {info.chunk_offset}: {error}") from None
