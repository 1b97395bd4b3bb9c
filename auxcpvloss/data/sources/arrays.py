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
from auxcpvloss.data.sources.format import TABLE, Format, by_stem, visible
from auxcpvloss.data.sources.source import Image, Source, Vector
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError


@dataclass(frozen=True)
class ArrayImage(Image):
    """The array `key` of a container; it may be missing."""

    path: Path
    key: str

    table = "../centers"
    reverses_attributes: ClassVar[bool] = False
    """Whether attributes are in the order x, y, z."""

    def __str__(self) -> str:
        return f"{self.path}: {self.key}"

    @abstractmethod
    def there(self) -> str:
        """Say what is in the container in place of an array that is missing."""

    @abstractmethod
    def open(self) -> AbstractContextManager[Any]:
        """Open the array, which is there, running nothing that it holds: `shape`, `attrs`, slices."""

    @abstractmethod
    def check(self, array: Any) -> None:
        """Refuse an opened array that is larger than memory, or of which a chunk is."""

    def files(self) -> dict[str, File]:
        """Give the file, or all files of the folder."""
        files = [self.path] if self.path.is_file() else [file for file in self.path.rglob("*") if file.is_file()]
        return {str(file.relative_to(self.path)): file for file in files}

    def read(self) -> NDArray[Any]:
        """Read all of it."""
        with self._opened() as array:
            has_channel = len(array.shape) == 4 and array.shape[0] == 1
            if len(array.shape) not in (2, 3) and not has_channel:
                raise InputError(
                    f"{self}: an array of {' x '.join(map(str, array.shape))}, {len(array.shape)} axes; "
                    "expected Z, Y, X, perhaps after one axis of length 1, or Y, X"
                )
            self.check(array)
            data: NDArray[Any] = array[:]
            return data.reshape((1, *data.shape)[-3:])

    def voxel_size(self) -> Vector | None:
        """Size of a voxel, the attribute `resolution`."""
        size = self._attribute("resolution")
        if size is not None and min(size) <= 0:
            raise InputError(f"{self}: resolution: {list(size)}; expected three positive numbers")
        return size

    def offset(self) -> Vector | None:
        """Position of the first voxel, the attribute `offset`."""
        return self._attribute("offset")

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        if not self.is_there:
            raise InputError(f"{self.path}: no array {self.key!r} ({self.there()}); set data.raw_key and data.gt_key")
        with reading(self), self.open() as array:
            yield array

    def _attribute(self, name: str) -> Vector | None:
        with self._opened() as array, reading(f"{self}: {name}"):
            if name not in array.attrs:
                return None
            numbers = [float(number) for number in array.attrs[name]][:: -1 if self.reverses_attributes else 1]
            if len(array.shape) == len(numbers) == 2:
                # Of a plane nothing need be recorded along z: it lies at 0, and is as thick as a voxel is long.
                numbers.insert(0, numbers[0] if name == "resolution" else 0.0)
            z, y, x = numbers
        if not all(map(math.isfinite, (z, y, x))):
            raise InputError(f"{self}: {name}: {[z, y, x]}; expected three finite numbers")
        return z, y, x


def array_format(name: str, suffixes: tuple[str, ...], kind: type[ArrayImage]) -> Format:
    """Give the format of containers with some suffixes, in a folder with tables of centers beside them."""

    def is_in(place: Path, data: Data) -> bool:
        return any(file.suffix.lower() in suffixes for file in visible(place))

    def volumes(place: Path, data: Data) -> list[Source]:
        files = visible(place)
        centers = by_stem(files, TABLE)
        return [
            Source(each, str(path), kind(path, data.raw_key), kind(path, data.gt_key), centers.get(each))
            for each, path in by_stem(files, suffixes).items()
        ]

    return Format(name, ", ".join(f"<name>{suffix}" for suffix in suffixes), is_in, volumes)
