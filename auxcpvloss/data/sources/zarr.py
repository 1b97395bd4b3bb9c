"""Zarr folders of format 2, with image and labels in data.raw_key and data.gt_key, axes Z, Y, X.

Read are arrays of numbers with the compressions and filters that are bounded by what they are given; others may run
code. A chunk that expands beyond its size is refused before it is decompressed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import zarr

from auxcpvloss.data.sources.arrays import ArrayImage, array_format
from auxcpvloss.data.untrusted.chunks import Layout, check_folder, check_layout
from auxcpvloss.data.untrusted.reading import read_json


class ZarrImage(ArrayImage):
    """An array in a zarr folder."""

    @property
    def is_there(self) -> bool:
        """Whether there is such an array."""
        return (self.path / self.key / ".zarray").is_file()

    def there(self) -> str:
        """List the arrays."""
        if (self.path / "zarr.json").exists():
            return "it is in zarr format 3; expected format 2"
        return f"there are: {', '.join(sorted(self._keys())) or 'none'}"

    @contextmanager
    def open(self) -> Iterator[Any]:
        """Open an array of numbers."""
        check_layout(str(self), self._layout())
        yield self._array()

    def check(self, array: Any) -> None:
        """Refuse an array, or a chunk of it, that does not fit into memory."""
        check_folder(str(self), self.path / self.key, self._layout())

    def _keys(self) -> list[str]:
        return [str(file.parent.relative_to(self.path)) for file in self.path.rglob(".zarray")]

    def _array(self) -> Any:
        return zarr.open_array(str(self.path / self.key), mode="r")

    def _layout(self) -> Layout:
        metadata = read_json(self.path / self.key / ".zarray")
        dtype = metadata["dtype"]
        return Layout(
            shape=tuple(map(int, metadata["shape"])),
            chunks=tuple(map(int, metadata["chunks"])),
            dtype=np.dtype(dtype if isinstance(dtype, str) else list(map(tuple, dtype))),
            codec=str((metadata["compressor"] or {"id": "raw"})["id"]),
            filters=tuple(str(each["id"]) for each in metadata.get("filters") or ()),
        )


ZARR = array_format("zarr", (".zarr",), ZarrImage)
