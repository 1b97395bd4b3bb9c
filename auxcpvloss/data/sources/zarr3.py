"""Arrays of zarr format 3, read by tensorstore: https://zarr-specs.readthedocs.io/en/latest/v3/core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.untrusted.chunks import Layout
from auxcpvloss.data.untrusted.reading import read_json
from auxcpvloss.data.untrusted.shards import Shards
from auxcpvloss.system.errors import InputError

METADATA = "zarr.json"
COMPRESSIONS = ("blosc", "gzip", "zstd")
CHECKSUM, CHECKSUM_BYTES = "crc32c", 4


def metadata_of(folder: Path) -> dict[str, Any]:
    """Read the metadata of an array or group; empty where there is none of this format."""
    file = folder / METADATA
    return read_json(file) if file.is_file() else {}


def is_array(metadata: Mapping[str, Any]) -> bool:
    """Whether these are the metadata of an array."""
    return metadata.get("node_type") == "array"


def attributes_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Give the attributes of an array or group, with the names of axes."""
    names = metadata.get("dimension_names")
    return {**metadata.get("attributes", {}), **({"dimension_names": names} if names else {})}


def layout_of(origin: str, metadata: Mapping[str, Any]) -> Layout:
    """Say how an array is stored.

    Raises
    ------
    InputError
        In a way that is not supported.
    KeyError, TypeError, ValueError
        The metadata do not follow the specification.
    """
    grid, kind = metadata["chunk_grid"], metadata["data_type"]
    if grid["name"] != "regular":
        raise InputError(f"{origin}: stored with chunks on a grid {grid['name']!r}; only 'regular' is supported")
    if not isinstance(kind, str) or kind not in np.sctypeDict:
        raise InputError(f"{origin}: its values are of type {kind}; expected numbers (intensities or labels)")
    chunks = outer = tuple(map(int, grid["configuration"]["chunk_shape"]))
    to_bytes, behind = _split(metadata["codecs"])
    shards = None
    if to_bytes["name"] == "sharding_indexed" and not behind:
        inner = to_bytes["configuration"]
        chunks = tuple(map(int, inner["chunk_shape"]))
        if len(chunks) != len(outer) or any(a < 1 or b % a for a, b in zip(chunks, outer, strict=True)):
            raise InputError(f"{origin}: chunks of {list(chunks)} in shards of {list(outer)}")
        index, index_behind = _split(inner["index_codecs"])
        if _codec(index, index_behind) != "raw" or index["configuration"]["endian"] != "little":
            raise InputError(f"{origin}: the index of its shards is compressed or not little-endian")
        shards = Shards(outer, inner.get("index_location", "end") == "end", _trailer(index_behind))
        to_bytes, behind = _split(inner["codecs"])
    return Layout(
        shape=tuple(map(int, metadata["shape"])),
        chunks=chunks,
        dtype=np.dtype(kind),
        codec=_codec(to_bytes, behind),
        trailer=_trailer(behind),
        shards=shards,
    )


class Opened:
    """An array that is read by slices."""

    def __init__(self, folder: Path, layout: Layout, fill_value: Any) -> None:
        # A large library, which nothing else needs.
        import tensorstore

        spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{folder}/"}}
        try:
            self._array = tensorstore.open(spec, read=True, open=True).result()
        except ValueError as error:
            raise ValueError(str(error).partition(" [tensorstore_spec=")[0]) from None
        self.shape, self.chunks, self.fill_value = layout.shape, layout.chunks, fill_value

    def __getitem__(self, index: tuple[int | slice, ...]) -> NDArray[Any]:
        return np.asarray(self._array[index].read().result())


def _split(codecs: Sequence[Any]) -> tuple[Mapping[str, Any], list[str]]:
    """Give the codec that makes bytes of an array, and the names of those that follow."""
    named = [{"name": codec} if isinstance(codec, str) else codec for codec in codecs]
    named = [codec for codec in named if codec["name"] != "transpose"]
    return named[0], [str(codec["name"]) for codec in named[1:]]


def _codec(to_bytes: Mapping[str, Any], behind: Sequence[str]) -> str:
    """Name the compression as zarr 2 does; other names than those it has if there are several, or others."""
    found = [name for name in behind if name != CHECKSUM]
    if to_bytes["name"] != "bytes":
        found.insert(0, str(to_bytes["name"]))
    # Checksums before the compression count as a part of what is compressed.
    return found[0] if len(found) == 1 and found[0] in COMPRESSIONS else " and ".join(found) or "raw"


def _trailer(behind: Sequence[str]) -> int:
    """Count the bytes of checksums behind what is compressed."""
    last = [position for position, name in enumerate(behind) if name != CHECKSUM]
    return CHECKSUM_BYTES * (len(behind) - 1 - max(last, default=-1))
