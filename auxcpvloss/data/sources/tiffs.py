"""Volumes stored as TIFF, with the labels in a second file of the same name."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import tifffile
from numpy.typing import NDArray

from auxcpvloss.data.sources.source import Source, Vector, sha256
from auxcpvloss.data.sources.tiff_voxel_size import recorded_voxel_size
from auxcpvloss.data.sources.zips import File
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.system.errors import InputError

# Many programs call the planes of a stack channels or time points; a colour image has no more than this many.
MAX_CHANNELS = 4


@dataclass(frozen=True)
class TiffSource(Source):
    """An image, and perhaps a mask: files on disk or in a zip."""

    image: File
    mask: File | None

    @property
    def has_labels(self) -> bool:
        """Whether there is a mask."""
        return self.mask is not None

    @property
    def labels_origin(self) -> str:
        """Path of the mask."""
        return str(self.mask)

    def read_raw(self) -> NDArray[Any]:
        """Read the image: (Z, Y, X), as it is stored."""
        return read_tiff(self.image)

    def read_labels(self) -> NDArray[Any] | None:
        """Read the mask: (Z, Y, X), of whatever type is stored."""
        return None if self.mask is None else read_tiff(self.mask)

    def voxel_size(self) -> Vector | None:
        """Size of a voxel as recorded in the image."""
        with _opened(self.image) as tiff:
            return recorded_voxel_size(tiff)

    def checksum(self) -> str:
        """Sha256, in hex, of the bytes of the files."""
        files = {"image": self.image, "mask": self.mask, "centers": self.centers}
        return sha256({role: file for role, file in files.items() if file is not None})


def read_tiff(file: File) -> NDArray[Any]:
    """Read a volume.

    Returns
    -------
    (Z, Y, X) array
        Of the type that is stored; a single image is a volume of one plane.

    Raises
    ------
    InputError
        The file is damaged or cut off, or holds something else than one volume of one channel.
    """
    with _opened(file) as tiff:
        if len(tiff.series) != 1:
            raise InputError(f"{file}: holds {len(tiff.series)} images that are no one stack; expected one volume")
        series = tiff.series[0]
        channels = min((n for n, axis in zip(series.shape, series.axes, strict=True) if axis in "CS"), default=None)
        if series.ndim not in (2, 3) or (channels is not None and channels <= MAX_CHANNELS):
            raise InputError(
                f"{file}: its axes are {', '.join(series.axes)} with {' x '.join(map(str, series.shape))} voxels "
                "(C or S: channels, T: time); expected one volume of one channel, with the axes Z, Y, X, or Y, X"
            )
        if any(page is None for page in series.pages):
            raise InputError(f"{file}: planes are missing; copy or save it again")
        check_declared(file, series.shape, series.dtype)
        return series.asarray().reshape((1, *series.shape)[-3:])


@contextmanager
def _opened(file: File) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF; what tifffile only logs, such as planes that are cut off, ends as an `InputError`."""
    complaints = _Complaints(logging.ERROR)
    logger = logging.getLogger("tifffile")
    logger.addHandler(complaints)
    try:
        with reading(file), file.open("rb") as stream, tifffile.TiffFile(stream) as tiff:
            yield tiff
    finally:
        logger.removeHandler(complaints)
        # Also in place of an error: that an axis is missing, say, is but the consequence.
        if complaints.messages:
            raise InputError(
                f"{file}: damaged or incomplete; copy it again, or save it again with another program "
                f"({complaints.messages[0]})"
            )


class _Complaints(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
