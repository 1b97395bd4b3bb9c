"""Zarr folders of formats 2 and 3, with image and labels in data.raw_key and data.gt_key, or where OME-Zarr has them.

Read are arrays of numbers with the compressions and filters that are bounded by what they are given; others may run
code. A chunk that expands beyond its size is refused before it is decompressed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.sources import zarr3
from auxcpvloss.data.sources.arrays import ArrayImage, array_format
from auxcpvloss.data.untrusted.chunks import Layout, check_folder, check_layout, stored_chunks
from auxcpvloss.data.untrusted.inside import inside
from auxcpvloss.data.untrusted.reading import read_json
from auxcpvloss.system.lazy import lazily

zarr = lazily("zarr")

METADATA, ATTRIBUTES = ".zarray", ".zattrs"


class ZarrImage(ArrayImage):
    """An array in a zarr folder."""

    def has(self, key: str) -> bool:
        """Whether there is such an array."""
        folder = inside(self.path, key)
        return (folder / METADATA).is_file() or zarr3.is_array(zarr3.metadata_of(folder))

    def keys(self) -> list[str]:
        """List the arrays."""
        folders = [file.parent for name in (METADATA, zarr3.METADATA) for file in self.path.rglob(name)]
        keys = {folder.relative_to(self.path).as_posix().removeprefix(".") for folder in folders}
        return [key for key in keys if self.has(key)]

    def attributes(self, key: str) -> dict[str, Any]:
        """Read the attributes of an array or group."""
        folder = inside(self.path, key)
        file = folder / ATTRIBUTES
        return read_json(file) if file.is_file() else zarr3.attributes_of(zarr3.metadata_of(folder))

    @contextmanager
    def open(self, key: str) -> Iterator[Any]:
        """Open an array of numbers."""
        check_layout(str(self), self._layout(key))
        yield self._array(key)

    def check(self, key: str, array: Any) -> None:
        """Refuse an array, or a chunk of it, that does not fit into memory."""
        check_folder(str(self), self.path / key, self._layout(key))

    def stored(self, key: str, array: Any) -> NDArray[np.bool_]:
        """Which chunks have a file."""
        return stored_chunks(str(self), self.path / key, self._layout(key))

    def _array(self, key: str) -> Any:
        if metadata := self._version_3(key):
            return zarr3.Opened(self.path / key, self._layout(key), metadata["fill_value"])
        return zarr.open_array(str(self.path / key), mode="r")

    def _version_3(self, key: str) -> dict[str, Any]:
        """Give the metadata of an array of format 3; nothing for one of format 2."""
        return {} if (self.path / key / METADATA).is_file() else zarr3.metadata_of(self.path / key)

    def _layout(self, key: str) -> Layout:
        if metadata := self._version_3(key):
            return zarr3.layout_of(str(self), metadata)
        metadata = read_json(self.path / key / METADATA)
        dtype = metadata["dtype"]
        return Layout(
            shape=tuple(map(int, metadata["shape"])),
            chunks=tuple(map(int, metadata["chunks"])),
            dtype=np.dtype(dtype if isinstance(dtype, str) else list(map(tuple, dtype))),
            codec=str((metadata["compressor"] or {"id": "raw"})["id"]),
            filters=tuple(str(each["id"]) for each in metadata.get("filters") or ()),
        )


ZARR = array_format("zarr", (".zarr",), ZarrImage)
