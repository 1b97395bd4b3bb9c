"""N5 containers: folders with an attributes.json in each array, axes and attributes in the order x, y, z.

They are read by zarr, within the same limits.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from auxcpvloss.data.sources.arrays import array_format
from auxcpvloss.data.sources.zarr import ZarrImage
from auxcpvloss.data.untrusted.chunks import Layout
from auxcpvloss.data.untrusted.inside import inside
from auxcpvloss.data.untrusted.reading import read_json
from auxcpvloss.system.lazy import lazily

zarr = lazily("zarr")

METADATA = "attributes.json"


class N5Image(ZarrImage):
    """An array in an N5 container; zarr gives it in the order z, y, x, but its attributes as they are."""

    reverses_attributes = True

    def has(self, key: str) -> bool:
        """Whether there is such an array."""
        return _is_array(inside(self.path, key) / METADATA)

    def keys(self) -> list[str]:
        """List the arrays."""
        files = self.path.rglob(METADATA)
        return [file.parent.relative_to(self.path).as_posix().removeprefix(".") for file in files if _is_array(file)]

    def attributes(self, key: str) -> dict[str, Any]:
        """Read the attributes of an array or group."""
        file = inside(self.path, key) / METADATA
        return read_json(file) if file.is_file() else {}

    def _array(self, key: str) -> Any:
        with warnings.catch_warnings():
            # Only that zarr 3 has no N5; this program needs zarr 2 for gunpowder anyhow.
            warnings.filterwarnings("ignore", "The N5Store is deprecated", FutureWarning)
            return zarr.open_array(zarr.N5Store(str(self.path)), path=key, mode="r")

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


N5 = array_format("n5", (".n5",), N5Image)


def _is_array(metadata: Path) -> bool:
    # A group has a file of attributes too, but no dimensions.
    return metadata.is_file() and "dimensions" in read_json(metadata)
