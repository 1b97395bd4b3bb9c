"""Arrays in a container, by the keys data.raw_key and data.gt_key: what zarr, N5 and hdf5 have in common."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.axes import Axes
from auxcpvloss.data.sources.format import TABLE, Format, by_stem, visible
from auxcpvloss.data.sources.lost_chunks import check_image, check_labels, missing
from auxcpvloss.data.sources.multiscales import highest, label_images, resolutions
from auxcpvloss.data.sources.pairing import partners
from auxcpvloss.data.sources.recorded import Recorded, downsampling, recorded
from auxcpvloss.data.sources.source import Image, Source, Vector
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError

DEFAULT_KEYS = ("volumes/raw", "volumes/gt_labels")
"""Values of data.raw_key and data.gt_key that mean: where such arrays are usual."""
OUR_LABELS = "truth"
"""Which label image is the ground truth in what the stage export wrote."""
FINEST = "s0"
"""Name of the highest resolution in groups of the n5 libraries, which list no names."""
LIKE_LABELS = re.compile("label|mask|seg|truth|annot|instance|(^|[/_])gt", re.IGNORECASE)
MOST_SHOWN = 20


@dataclass(frozen=True)
class ArrayImage(Image):
    """The array that [data] names for a role, in a container; it may be missing."""

    path: Path
    data: Data
    role: Literal["image", "labels"]

    table = "../centers"
    reverses_attributes: ClassVar[bool] = False
    """Whether attributes are in the order x, y, z."""

    @abstractmethod
    def has(self, key: str) -> bool:
        """Whether there is an array of this key; "" is the container itself."""

    @abstractmethod
    def keys(self) -> list[str]:
        """List the arrays."""

    @abstractmethod
    def attributes(self, key: str) -> Mapping[str, Any]:
        """Read the attributes of an array or group; none where there is no such thing."""

    @abstractmethod
    def open(self, key: str) -> AbstractContextManager[Any]:
        """Open an array, running nothing that it holds: `shape`, slices."""

    @abstractmethod
    def check(self, key: str, array: Any) -> None:
        """Refuse an opened array that is larger than memory, or of which a chunk is."""

    @abstractmethod
    def stored(self, key: str, array: Any) -> NDArray[np.bool_]:
        """Which chunks of an opened array are stored, of as many along each axis as there are."""

    @property
    def key(self) -> str:
        """The key that is configured; "" is the container itself."""
        return (self.data.raw_key if self.role == "image" else self.data.gt_key).strip("/").removeprefix(".")

    @cached_property
    def place(self) -> str | None:
        """Key of the array: configured, or its highest resolution, or the usual one; None where it is missing."""
        return next(filter(lambda key: key is not None, map(self._array_at, self._keys_to_try())), None)

    @property
    def is_there(self) -> bool:
        """Whether there is such an array."""
        return self.place is not None

    def __str__(self) -> str:
        return self._named(self.key if self.place is None else self.place)

    def there(self) -> str:
        """List the arrays, for people."""
        keys = sorted(key or "the container itself" for key in self.keys())
        more = f" and {len(keys) - MOST_SHOWN} more" if len(keys) > MOST_SHOWN else ""
        return f"arrays there: {', '.join(keys[:MOST_SHOWN]) or 'none'}{more}"

    def files(self) -> dict[str, File]:
        """Give the file, or all files of the folder."""
        files = [self.path] if self.path.is_file() else [file for file in self.path.rglob("*") if file.is_file()]
        return {str(file.relative_to(self.path)): file for file in files}

    def read(self) -> NDArray[Any]:
        """Read all of the volume in it."""
        key = self._found()
        with reading(self), self.open(key) as array:
            cut = Axes.of(self.data).cut(self, array.shape, self._recorded.axes)
            self.check(key, array)
            stored = cut.of_chunks(self.stored(key, array), array.chunks)
            if not stored.all() and array.fill_value is None:
                raise InputError(f"{self}: {missing(stored)}, and no fill value is recorded: copy the array again")
            if self.role == "image" and not self.data.fill_chunks:
                check_image(self, stored)
            volume = np.asarray(cut.of(array))
            if self.role == "labels" and not self.data.fill_chunks:
                check_labels(self, volume, stored, cut.volume_of(array.chunks), array.fill_value)
            return volume

    def remarks(self) -> list[str]:
        """Say which chunks were taken for background, and that what may be the labels has another name."""
        if self.role == "labels" and self.place is None:
            likely = any(map(LIKE_LABELS.search, self.keys()))
            return [f"{self.path}: no array {self.key!r} (data.gt_key): unlabelled; {self.there()}"] if likely else []
        key = self._found()
        with reading(self), self.open(key) as array:
            cut = Axes.of(self.data).cut(self, array.shape, self._recorded.axes)
            found = missing(cut.of_chunks(self.stored(key, array), array.chunks))
        return [f"{self}: {found} (z, y, x); they were taken for background"] if found else []

    def voxel_size(self) -> Vector | None:
        """Size of a voxel, by the attributes of the array or of its group."""
        return self._recorded.voxel_size

    def offset(self) -> Vector | None:
        """Position of the first voxel, likewise."""
        return self._recorded.offset

    def _named(self, key: str) -> str:
        return f"{self.path}: {key}" if key else str(self.path)

    def _found(self) -> str:
        if self.place is None:
            name = "raw_key" if self.role == "image" else "gt_key"
            raise InputError(f"{self.path}: no array {self.key!r} (data.{name}); set it to one of the {self.there()}")
        return self.place

    def _keys_to_try(self) -> Iterator[str]:
        yield self.key
        if self.role == "image" and self.key == DEFAULT_KEYS[0]:
            yield ""
            # The first of several images, as bioformats2raw writes them.
            if self._array_at("1") is None:
                yield "0"
        elif self.key == DEFAULT_KEYS[1]:
            image = self.data.raw_key.strip("/")
            for group in dict.fromkeys((image, *_parents(image), "0")):
                yield from self._label_images(_joined(group, "labels"))

    def _label_images(self, group: str) -> list[str]:
        with reading(self._named(group)):
            names = label_images(self.attributes(group))
        names = [OUR_LABELS] if OUR_LABELS in names else names
        if len(names) > 1:
            raise InputError(
                f"{self.path}: several label images: {', '.join(names)}; set data.gt_key to one of them, such as "
                f"{_joined(group, names[0])!r}"
            )
        return [_joined(group, name) for name in names]

    def _array_at(self, key: str) -> str | None:
        """Give the key, or that of the highest resolution of the image there; None where there is neither."""
        if self.has(key):
            return key
        with reading(self._named(key)):
            path = highest(self.attributes(key)) or FINEST
        return _joined(key, path) if self.has(_joined(key, path)) else None

    @cached_property
    def _recorded(self) -> Recorded:
        """What is recorded of the array, or of it in one of its groups."""
        key = self._found()
        with reading(self), self.open(key) as array:
            ndim = len(array.shape)
            own = self.attributes(key)
            mine = recorded(own, ndim, self.reverses_attributes)
            axes, size, offset = mine.axes, mine.voxel_size, mine.offset
            for parent in _parents(key):
                attributes = self.attributes(parent)
                group = resolutions(attributes).get(key[len(parent) :].strip("/"), Recorded())
                axes, size, offset = axes or group.axes, size or group.voxel_size, offset or group.offset
                times = (1.0, 1.0, 1.0) if key.endswith(FINEST) else downsampling(own)
                of_group = recorded(attributes, ndim, self.reverses_attributes).voxel_size
                if size is None and of_group is not None and times is not None:
                    z, y, x = (side * factor for side, factor in zip(of_group, times, strict=True))
                    size = (z, y, x)
            return Recorded(axes, size, offset)


def array_format(name: str, suffixes: tuple[str, ...], kind: type[ArrayImage]) -> Format:
    """Give the format of containers with some suffixes, in a folder with tables of centers beside them."""

    def is_in(place: Path, data: Data) -> bool:
        return any(file.suffix.lower() in suffixes for file in visible(place))

    def volumes(place: Path, data: Data) -> list[Source]:
        files, centers = by_stem(visible(place), suffixes), by_stem(visible(place), TABLE)
        table_of = partners(files, centers)
        return [
            Source(
                each,
                str(path),
                kind(path, data, "image"),
                kind(path, data, "labels"),
                centers.get(table_of.get(each, "")),
            )
            for each, path in files.items()
        ]

    def images(files: Sequence[Path], data: Data) -> dict[Path, Image]:
        return {path: kind(path, data, "image") for path in files if path.suffix.lower() in suffixes}

    return Format(name, ", ".join(f"<name>{suffix}" for suffix in suffixes), is_in, volumes, files=images)


def _parents(key: str) -> list[str]:
    """Give the keys of the groups that an array is in, the innermost first; "" is the container."""
    parts = key.split("/") if key else []
    return ["/".join(parts[:number]) for number in reversed(range(len(parts)))]


def _joined(group: str, name: str) -> str:
    return f"{group}/{name}".strip("/")
