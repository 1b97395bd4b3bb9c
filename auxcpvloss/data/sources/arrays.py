"""Volumes stored as arrays in zarr and N5 folders and hdf5 files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import zarr
from numpy.typing import NDArray

from auxcpvloss.data.sources import n5
from auxcpvloss.data.sources.hdf import check_dataset
from auxcpvloss.data.sources.source import Source, Vector, sha256
from auxcpvloss.data.untrusted.chunks import CODECS, Layout, check_folder
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.untrusted.reading import read_json, reading
from auxcpvloss.system.errors import InputError

FILTERS = ("delta", "shuffle", "fixedscaleoffset", "quantize", "bitround", "astype", "crc32", "adler32", "fletcher32")
"""Those of zarr that make numbers of numbers; others make objects, by running what is stored (pickle)."""


@dataclass(frozen=True)
class ArraySource(Source):
    """The arrays `raw_key` and `gt_key` of a container, the second of which may be missing."""

    path: Path
    raw_key: str
    gt_key: str

    @property
    def has_labels(self) -> bool:
        """Whether there is an array `gt_key`."""
        return _has(self.path, self.gt_key)

    @property
    def labels_origin(self) -> str:
        """Path of the container and key of the labels."""
        return f"{self.path}: {self.gt_key}"

    def read_raw(self) -> NDArray[Any]:
        """Read the image: (Z, Y, X), as it is stored."""
        return _read(self.path, self.raw_key)

    def read_labels(self) -> NDArray[Any] | None:
        """Read the labels: (Z, Y, X), of whatever type is stored."""
        return _read(self.path, self.gt_key) if self.has_labels else None

    def voxel_size(self) -> Vector | None:
        """Size of a voxel, the attribute `resolution`."""
        size = self._attribute("resolution")
        if size is not None and min(size) <= 0:
            raise InputError(f"{self.path}: resolution: {list(size)}; expected three positive numbers")
        return size

    def offset(self) -> Vector:
        """Position of the first voxel, the attribute `offset`."""
        return self._attribute("offset") or (0.0, 0.0, 0.0)

    def checksum(self) -> str:
        """Sha256, in hex, of the bytes of the file or of all files of the folder, and of the table of centers."""
        files = [self.path] if self.path.is_file() else [file for file in self.path.rglob("*") if file.is_file()]
        beside = {} if self.centers is None else {"../centers": self.centers}
        return sha256({str(file.relative_to(self.path)): file for file in files} | beside)

    def _attribute(self, name: str) -> Vector | None:
        """Read three numbers, of the image or the labels; where both have them they must agree."""
        found = {}
        for key in (self.raw_key, self.gt_key) if self.has_labels else (self.raw_key,):
            with _opened(self.path, key) as array:
                if name in array.attrs:
                    found[key] = _vector(f"{self.path}: {key}", name, array, reverse=n5.is_n5(self.path))
        if len(set(found.values())) > 1:
            both = " and ".join(f"{list(value)} of {key}" for key, value in found.items())
            raise InputError(f"{self.path}: {name}: {both} differ; image and labels must cover the same voxels")
        return next(iter(found.values()), None)


def _vector(origin: str, name: str, array: Any, reverse: bool) -> Vector:
    with reading(f"{origin}: {name}"):
        # N5, as gunpowder writes and reads it, has them in the order of the axes in the file: x first.
        numbers = [float(number) for number in array.attrs[name]][:: -1 if reverse else 1]
        if len(array.shape) == len(numbers) == 2:
            # Of a plane nothing need be recorded along z: it lies at 0, and is as thick as a voxel is long.
            numbers.insert(0, numbers[0] if name == "resolution" else 0.0)
        z, y, x = numbers
    if not all(map(math.isfinite, (z, y, x))):
        raise InputError(f"{origin}: {name}: {[z, y, x]}; expected three finite numbers")
    return z, y, x


def _read(path: Path, key: str) -> NDArray[Any]:
    with _opened(path, key) as array:
        has_channel = len(array.shape) == 4 and array.shape[0] == 1
        if len(array.shape) not in (2, 3) and not has_channel:
            raise InputError(
                f"{path}: {key}: an array of {' x '.join(map(str, array.shape))}, {len(array.shape)} axes; "
                "expected Z, Y, X, perhaps after one axis of length 1, or Y, X"
            )
        if path.is_file():
            check_dataset(path, key, array)
        else:
            check_folder(f"{path}: {key}", path / key, _layout(path, key))
        data: NDArray[Any] = array[:]
        return data.reshape((1, *data.shape)[-3:])


def _layout(path: Path, key: str) -> Layout:
    """Say how an array in a folder is stored, if it is one of numbers and in a way that is known.

    To be asked before the array is opened: with a type of objects, to open it is to run what it holds.
    """
    layout = n5.layout(path, key) if n5.is_n5(path) else _zarr_layout(path / key)
    check_declared(f"{path}: {key}", layout.shape, layout.dtype)
    for what, names, known in (("compression", [layout.codec], CODECS), ("filter", layout.filters, FILTERS)):
        for name in names:
            if name not in known:
                raise InputError(f"{path}: {key}: stored with the {what} {name!r}; known are {', '.join(known)}")
    return layout


def _zarr_layout(folder: Path) -> Layout:
    metadata = read_json(folder / ".zarray")
    dtype = metadata["dtype"]
    return Layout(
        shape=tuple(map(int, metadata["shape"])),
        chunks=tuple(map(int, metadata["chunks"])),
        dtype=np.dtype(dtype if isinstance(dtype, str) else list(map(tuple, dtype))),
        codec=str((metadata["compressor"] or {"id": "raw"})["id"]),
        filters=tuple(str(each["id"]) for each in metadata.get("filters") or ()),
    )


def _has(path: Path, key: str) -> bool:
    """Whether there is an array."""
    if n5.is_n5(path):
        return n5.has_array(path, key)
    if path.is_dir():
        return (path / key / ".zarray").is_file()
    with reading(path), h5py.File(path, "r") as file:
        return isinstance(file.get(key), h5py.Dataset)


def _keys(path: Path) -> list[str]:
    """List the arrays."""
    if n5.is_n5(path):
        return n5.array_keys(path)
    if path.is_dir():
        return sorted(str(file.parent.relative_to(path)) for file in path.rglob(".zarray"))
    keys: list[str] = []
    with reading(path), h5py.File(path, "r") as file:
        file.visititems(lambda key, item: keys.append(key) if isinstance(item, h5py.Dataset) else None)
    return keys


@contextmanager
def _opened(path: Path, key: str) -> Iterator[Any]:
    if not _has(path, key):
        is_new = (path / "zarr.json").exists()
        there = "it is zarr format 3, expected format 2" if is_new else f"there are: {', '.join(_keys(path)) or 'none'}"
        raise InputError(f"{path}: no array {key!r} ({there}); set data.raw_key and data.gt_key")
    with reading(f"{path}: {key}"):
        if path.is_dir():
            _layout(path, key)
            yield n5.open_array(path, key) if n5.is_n5(path) else zarr.open_array(str(path / key), mode="r")
        else:
            with h5py.File(path, "r") as file:
                yield file[key]
