"""N5 containers: folders with an attributes.json in each array, axes and attributes in the order x, y, z.

The limits are those of zarr, which reads them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import zarr

from auxcpvloss.data.sources.arrays import ArrayFormat, ArraySource
from auxcpvloss.data.untrusted.chunks import Layout, check_folder, check_layout
from auxcpvloss.data.untrusted.reading import read_json

METADATA = "attributes.json"


class N5Source(ArraySource):
    """Arrays in an N5 container; zarr gives them in the order z, y, x, but their attributes as they are."""

    attributes_reversed = True

    def has(self, key: str) -> bool:
        """Whether there is an array; a group has a file of attributes too, but no dimensions."""
        metadata = self.path / key / METADATA
        return metadata.is_file() and "dimensions" in read_json(metadata)

    def there(self) -> str:
        """List the arrays."""
        keys = sorted(str(file.parent.relative_to(self.path)) for file in self.path.rglob(METADATA))
        return f"there are: {', '.join(filter(self.has, keys)) or 'none'}"

    @contextmanager
    def open(self, key: str) -> Iterator[Any]:
        """Open an array of numbers."""
        check_layout(f"{self.path}: {key}", self._layout(key))
        with warnings.catch_warnings():
            # Only that zarr 3 has no N5; this program needs zarr 2 for gunpowder anyhow.
            warnings.filterwarnings("ignore", "The N5Store is deprecated", FutureWarning)
            store = zarr.N5Store(str(self.path))
        yield zarr.open_array(store, path=key, mode="r")

    def check(self, key: str, array: Any) -> None:
        """Refuse an array, or a block of it, that does not fit into memory."""
        check_folder(f"{self.path}: {key}", self.path / key, self._layout(key))

    def _layout(self, key: str) -> Layout:
        metadata = read_json(self.path / key / METADATA)
        compression = metadata["compression"]
        codec = {"bzip2": "bz2", "xz": "lzma"}.get(compression["type"], compression["type"])
        return Layout(
            shape=tuple(map(int, reversed(metadata["dimensions"]))),
            chunks=tuple(map(int, reversed(metadata["blockSize"]))),
            dtype=np.dtype(metadata["dataType"]),
            codec="zlib" if codec == "gzip" and compression.get("useZlib") else codec,
            has_header=True,
        )


N5 = ArrayFormat("n5", (".n5",), N5Source)
