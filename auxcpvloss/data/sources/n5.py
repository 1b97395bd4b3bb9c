"""N5 containers: folders with an attributes.json in each array, axes and attributes in the order x, y, z.

They are read by zarr, within the same limits.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from auxcpvloss.data.sources.arrays import array_format
from auxcpvloss.data.sources.zarr import ZarrImage
from auxcpvloss.data.untrusted.chunks import Layout
from auxcpvloss.data.untrusted.reading import read_json

METADATA = "attributes.json"


class N5Image(ZarrImage):
    """An array in an N5 container; zarr gives it in the order z, y, x, but its attributes as they are."""

    reverses_attributes = True

    @property
    def is_there(self) -> bool:
        """Whether there is such an array."""
        return _is_array(self.path / self.key / METADATA)

    def _keys(self) -> list[str]:
        return [str(file.parent.relative_to(self.path)) for file in self.path.rglob(METADATA) if _is_array(file)]

    def _array(self) -> Any:
        with warnings.catch_warnings():
            # Only that zarr 3 has no N5; this program needs zarr 2 for gunpowder anyhow.
            warnings.filterwarnings("ignore", "The N5Store is deprecated", FutureWarning)
            return zarr.open_array(zarr.N5Store(str(self.path)), path=self.key, mode="r")

    def _layout(self) -> Layout:
        metadata = read_json(self.path / self.key / METADATA)
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
