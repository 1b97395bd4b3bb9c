"""Arrays in a container, by the keys data.raw_key and data.gt_key: what zarr, N5 and hdf5 have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.files import TABLE, by_stem, visible
from auxcpvloss.data.sources.format import Format
from auxcpvloss.data.sources.source import Source, Vector
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError


@dataclass(frozen=True)
class ArraySource(Source):
    """The arrays `raw_key` and `gt_key` of a container, the second of which may be missing."""

    path: Path
    raw_key: str
    gt_key: str
    attributes_reversed: ClassVar[bool] = False
    """Whether attributes are in the order x, y, z."""

    @abstractmethod
    def has(self, key: str) -> bool:
        """Whether there is an array."""

    @abstractmethod
    def there(self) -> str:
        """Say what there is in place of an array that is missing."""

    @abstractmethod
    def open(self, key: str) -> AbstractContextManager[Any]:
        """Open an array that is there, without running anything that it holds: `shape`, `attrs`, slices."""

    @abstractmethod
    def check(self, key: str, array: Any) -> None:
        """Refuse an opened array that is larger than memory, or of which a chunk is.

        Raises
        ------
        InputError
            Names container and key.
        """

    @property
    def has_labels(self) -> bool:
        """Whether there is an array `gt_key`."""
        return self.has(self.gt_key)

    @property
    def labels_origin(self) -> str:
        """Path of the container and key of the labels."""
        return f"{self.path}: {self.gt_key}"

    def read_raw(self) -> NDArray[Any]:
        """Read the image: (Z, Y, X), as it is stored."""
        return self._read(self.raw_key)

    def read_labels(self) -> NDArray[Any] | None:
        """Read the labels: (Z, Y, X), of whatever type is stored."""
        return self._read(self.gt_key) if self.has_labels else None

    def voxel_size(self) -> Vector | None:
        """Size of a voxel, the attribute `resolution`."""
        size = self._attribute("resolution")
        if size is not None and min(size) <= 0:
            raise InputError(f"{self.path}: resolution: {list(size)}; expected three positive numbers")
        return size

    def offset(self) -> Vector:
        """Position of the first voxel, the attribute `offset`."""
        return self._attribute("offset") or (0.0, 0.0, 0.0)

    def files(self) -> dict[str, File]:
        """Give the file, or all files of the folder, and the table of centers."""
        files = [self.path] if self.path.is_file() else [file for file in self.path.rglob("*") if file.is_file()]
        beside: dict[str, File] = {} if self.centers is None else {"../centers": self.centers}
        return {str(file.relative_to(self.path)): file for file in files} | beside

    @contextmanager
    def _opened(self, key: str) -> Iterator[Any]:
        if not self.has(key):
            raise InputError(f"{self.path}: no array {key!r} ({self.there()}); set data.raw_key and data.gt_key")
        with reading(f"{self.path}: {key}"), self.open(key) as array:
            yield array

    def _read(self, key: str) -> NDArray[Any]:
        with self._opened(key) as array:
            has_channel = len(array.shape) == 4 and array.shape[0] == 1
            if len(array.shape) not in (2, 3) and not has_channel:
                raise InputError(
                    f"{self.path}: {key}: an array of {' x '.join(map(str, array.shape))}, {len(array.shape)} axes; "
                    "expected Z, Y, X, perhaps after one axis of length 1, or Y, X"
                )
            self.check(key, array)
            data: NDArray[Any] = array[:]
            return data.reshape((1, *data.shape)[-3:])

    def _attribute(self, name: str) -> Vector | None:
        """Read three numbers, of the image or the labels; where both have them they must agree."""
        found = {}
        for key in (self.raw_key, self.gt_key) if self.has_labels else (self.raw_key,):
            with self._opened(key) as array:
                if name in array.attrs:
                    found[key] = self._vector(key, name, array)
        if len(set(found.values())) > 1:
            both = " and ".join(f"{list(value)} of {key}" for key, value in found.items())
            raise InputError(f"{self.path}: {name}: {both} differ; image and labels must cover the same voxels")
        return next(iter(found.values()), None)

    def _vector(self, key: str, name: str, array: Any) -> Vector:
        origin = f"{self.path}: {key}: {name}"
        with reading(origin):
            numbers = [float(number) for number in array.attrs[name]][:: -1 if self.attributes_reversed else 1]
            if len(array.shape) == len(numbers) == 2:
                # Of a plane nothing need be recorded along z: it lies at 0, and is as thick as a voxel is long.
                numbers.insert(0, numbers[0] if name == "resolution" else 0.0)
            z, y, x = numbers
        if not all(map(math.isfinite, (z, y, x))):
            raise InputError(f"{origin}: {[z, y, x]}; expected three finite numbers")
        return z, y, x


@dataclass(frozen=True)
class ArrayFormat(Format):
    """Containers in a folder, with tables of centers beside them.

    Attributes
    ----------
    name : str
    suffixes : tuple of str
        By which the containers are recognised.
    source : type of ArraySource
    """

    name: str
    suffixes: tuple[str, ...]
    source: type[ArraySource]

    def expected(self, data: Data) -> str:
        """Name the suffixes."""
        return ", ".join(f"<name>{suffix}" for suffix in self.suffixes)

    def is_in(self, place: Path, data: Data) -> bool:
        """Whether any of the containers is there."""
        return any(file.suffix.lower() in self.suffixes for file in visible(place))

    def volumes(self, place: Path, data: Data) -> list[Source]:
        """Give each container, with the table of centers of its name."""
        files = visible(place)
        centers = by_stem(files, TABLE)
        return [
            self.source(name, str(path), path, data.raw_key, data.gt_key, centers=centers.get(name))
            for name, path in by_stem(files, self.suffixes).items()
        ]
