"""Arrays of ours that are not read yet: prepared volumes, predictions and instances."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from auxcpvloss.data.missing_chunks import intact, lacking_of, open_whole
from auxcpvloss.system.checksums import reading_hdf
from auxcpvloss.system.lazy import lazily

if TYPE_CHECKING:
    import zarr
else:
    zarr = lazily("zarr")

Box = tuple[slice, slice, slice]
"""Voxels along z, y, x."""


class Volume:
    """An array in a zarr folder or an .hdf file, of which nothing is read before it is asked for.

    It can be sliced like an array; whatever is missing or damaged is an `InputError` that names the place.

    Parameters
    ----------
    path : Path
    key : str
        Of the array within the folder or file.
    group : zarr.Group, optional
        The folder, where it is open already, by `open_whole`.

    Attributes
    ----------
    shape : tuple of int
        (Z, Y, X), or (C, Z, Y, X) with channels.
    dtype : numpy.dtype
    """

    def __init__(self, path: Path, key: str, group: zarr.Group | None = None) -> None:
        self.path, self.key = path, key
        self._array: Any = None
        if path.suffix != ".hdf":
            with intact(path):
                self._array = (open_whole(path) if group is None else group)[key]
        with self._opened() as array:
            self.shape: tuple[int, ...] = array.shape
            self.dtype: np.dtype[Any] = array.dtype
            self._attributes = dict(array.attrs)

    @property
    def voxel_size(self) -> tuple[float, float, float]:
        """Along z, y, x."""
        z, y, x = (float(size) for size in self._attributes["resolution"])
        return z, y, x

    @property
    def offset(self) -> tuple[float, float, float]:
        """Position of the first voxel along z, y, x, in the unit of the voxel size."""
        z, y, x = (float(place) for place in self._attributes["offset"])
        return z, y, x

    def read(self, box: Box | None = None) -> NDArray[Any]:
        """Read the voxels of a box, with all of their channels; without one, all of the array."""
        return self[...] if box is None else self[(..., *box)]

    def lacking(self) -> str:
        """Say how many chunks are missing; "" where all are there."""
        return "" if self._array is None else lacking_of(self._array)

    def __getitem__(self, index: Any) -> Any:
        with self._opened() as array:
            return array[index]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[...], dtype)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        with intact(self.path):
            if self._array is not None:
                yield self._array
            else:
                with reading_hdf(self.path) as file:
                    yield file[self.key]
