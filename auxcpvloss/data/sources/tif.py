"""TIFF files in images/, with the labels in masks/ and tables of centers in centers/, by the same names.

Read are stacks of one channel, with the axes Z, Y, X or Y, X, in any compression that tifffile knows. A volume that
does not fit into memory is refused before it is read. What tifffile only logs, such as planes that are cut off, is an
error.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tifffile
from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.files import CENTERS, TABLE, by_stem, visible
from auxcpvloss.data.sources.format import Format
from auxcpvloss.data.sources.source import Source, Vector
from auxcpvloss.data.sources.tiff_voxel_size import recorded_voxel_size
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError

SUFFIXES = (".tif", ".tiff")
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

    def files(self) -> dict[str, File]:
        """Give image, mask and table of centers."""
        files = {"image": self.image, "mask": self.mask, "centers": self.centers}
        return {role: file for role, file in files.items() if file is not None}


class TiffFormat(Format):
    """Folders of TIFF files."""

    name = "tif"

    def expected(self, data: Data) -> str:
        """Name the folders."""
        return f"{data.images}/ and {data.masks}/ with .tif files of the same names"

    def is_in(self, place: Path, data: Data) -> bool:
        """Whether there is a folder of images."""
        return (place / data.images).is_dir()

    def volumes(self, place: Path, data: Data) -> list[Source]:
        """Pair the images with what lies beside them."""
        folders = (data.images, data.masks, CENTERS)
        content = {name: visible(place / name) for name in folders if (place / name).is_dir()}
        return tiff_sources(str(place), content, data)


TIF = TiffFormat()


def tiff_sources(where: str, content: Mapping[str, Sequence[File]], data: Data) -> list[Source]:
    """Pair images with masks and centers of the same name.

    Parameters
    ----------
    where : path of the folder, for messages
    content : name of a subfolder -> its files
    data : names of the subfolders

    Raises
    ------
    InputError
        There are no images, a mask or a table of centers has no image, or there are masks and an image has neither a
        mask nor a table of centers.
    """
    images = by_stem(content.get(data.images, []), SUFFIXES)
    masks = by_stem(content.get(data.masks, []), SUFFIXES)
    centers = by_stem(content.get(CENTERS, []), TABLE)
    if not images:
        raise InputError(f"{where}/{data.images}: no .tif file")
    for what, files in (("mask", masks), ("table", centers)):
        for name in sorted(files.keys() - images.keys()):
            raise InputError(
                f"{files[name]}: no image of this name in {where}/{data.images}; add it, or remove the {what}"
            )
    if data.masks in content:
        for name in sorted(images.keys() - masks.keys() - centers.keys()):
            raise InputError(
                f"{images[name]}: no mask of this name in {where}/{data.masks} (and no {CENTERS}/{name}.csv); "
                "add it, or remove the image"
            )
    return [
        TiffSource(name, str(image), image, masks.get(name), centers=centers.get(name))
        for name, image in images.items()
    ]


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
