"""N5 containers: folders with an `attributes.json` in each array, axes in the order x, y, z."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from auxcpvloss.data.untrusted.chunks import Layout
from auxcpvloss.data.untrusted.reading import read_json

SUFFIX = ".n5"
METADATA = "attributes.json"


def is_n5(path: Path) -> bool:
    """Whether a path names an N5 container."""
    return path.suffix.lower() == SUFFIX


def has_array(path: Path, key: str) -> bool:
    """Whether there is an array; a group has a file of attributes too, but no dimensions.

    Raises
    ------
    InputError
        The attributes cannot be read.
    """
    metadata = path / key / METADATA
    return metadata.is_file() and "dimensions" in read_json(metadata)


def array_keys(path: Path) -> list[str]:
    """List the arrays."""
    keys = sorted(str(file.parent.relative_to(path)) for file in path.rglob(METADATA))
    return [key for key in keys if has_array(path, key)]


def layout(path: Path, key: str) -> Layout:
    """Say how an array is stored, in the order z, y, x."""
    metadata = read_json(path / key / METADATA)
    compression = metadata["compression"]
    codec = {"bzip2": "bz2", "xz": "lzma"}.get(compression["type"], compression["type"])
    return Layout(
        shape=tuple(map(int, reversed(metadata["dimensions"]))),
        chunks=tuple(map(int, reversed(metadata["blockSize"]))),
        dtype=np.dtype(metadata["dataType"]),
        codec="zlib" if codec == "gzip" and compression.get("useZlib") else codec,
        has_header=True,
    )


def open_array(path: Path, key: str) -> Any:
    """Open an array to read; zarr gives its axes in the order z, y, x, but its attributes as they are."""
    with warnings.catch_warnings():
        # Only that zarr 3 has no N5; this program needs zarr 2 for gunpowder anyhow.
        warnings.filterwarnings("ignore", "The N5Store is deprecated", FutureWarning)
        store = zarr.N5Store(str(path))
    return zarr.open_array(store, path=key, mode="r")
