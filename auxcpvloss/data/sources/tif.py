"""TIFF files in images/, with the labels in masks/ and tables of centers in centers/, by the same names.

Read are stacks of one channel, or the channel that is chosen, with the axes Z, Y, X or Y, X, in any compression that
tifffile knows. A volume that does not fit into memory is refused before it is read. What tifffile only logs, such as
planes that are cut off, is an error.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from logging.handlers import BufferingHandler
from pathlib import Path
from typing import Any, Literal

import tifffile
from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.axes import Axes
from auxcpvloss.data.sources.format import CENTERS, TABLE, Format, by_stem, visible
from auxcpvloss.data.sources.source import Image, Source, Vector
from auxcpvloss.data.sources.tiff_voxel_size import recorded_voxel_size
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError

SUFFIXES = (".tif", ".tiff")


@dataclass(frozen=True)
class TiffImage(Image):
    """An image or mask: a file on disk or in a zip."""

    file: File
    axes: Axes
    role: Literal["image", "mask"] = "image"

    def __str__(self) -> str:
        return str(self.file)

    def read(self) -> NDArray[Any]:
        """Read the stack; a single image is a volume of one plane."""
        with _opened(self.file) as tiff:
            return _read(self.file, tiff, self.axes)

    def files(self) -> dict[str, File]:
        """Give the file."""
        return {self.role: self.file}

    def voxel_size(self) -> Vector | None:
        """Size of a voxel; that of a mask is not looked at."""
        if self.role == "mask":
            return None
        with _opened(self.file) as tiff:
            return recorded_voxel_size(tiff)


def pair(where: str, content: Mapping[str, Sequence[File]], data: Data) -> list[Source]:
    """Pair images with masks and tables of centers of the same name.

    Parameters
    ----------
    where : str
        Path of the folder, for messages.
    content : mapping
        Name of a subfolder -> its files.
    data : Data
        Names of the subfolders.

    Raises
    ------
    InputError
        There are no images, a mask or table has no image, or there are masks, and an image has neither mask nor table.
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
    axes = Axes.of(data)
    labels = {name: TiffImage(mask, axes, "mask") for name, mask in masks.items()}
    return [
        Source(name, str(image), TiffImage(image, axes), labels.get(name), centers.get(name))
        for name, image in images.items()
    ]


def _is_in(place: Path, data: Data) -> bool:
    return (place / data.images).is_dir()


def _volumes(place: Path, data: Data) -> list[Source]:
    folders = (data.images, data.masks, CENTERS)
    content = {name: visible(place / name) for name in folders if (place / name).is_dir()}
    return pair(str(place), content, data)


TIF = Format("tif", "{data.images}/ and {data.masks}/ with .tif files of the same names", _is_in, _volumes)


def _read(file: File, tiff: tifffile.TiffFile, axes: Axes) -> NDArray[Any]:
    """Read a file that holds one volume, and nothing else but channels."""
    if len(tiff.series) != 1:
        raise InputError(f"{file}: contains {len(tiff.series)} images that do not form a stack; expected one volume")
    series = tiff.series[0]
    cut = axes.cut(file, series.shape, series.axes)
    if any(page is None for page in series.pages):
        raise InputError(f"{file}: planes are missing; copy or save the file again")
    check_declared(file, series.shape, series.dtype)
    return cut.of(series.asarray())


@contextmanager
def _opened(file: File) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF; what tifffile only logs, such as planes that are cut off, ends as an `InputError`."""
    complaints = BufferingHandler(sys.maxsize)
    complaints.setLevel(logging.ERROR)
    logger = logging.getLogger("tifffile")
    logger.addHandler(complaints)
    try:
        with reading(file), file.open("rb") as stream, tifffile.TiffFile(stream) as tiff:
            yield tiff
    finally:
        logger.removeHandler(complaints)
        # Also in place of an error: that an axis is missing, say, is but the consequence.
        if complaints.buffer:
            raise InputError(
                f"{file}: damaged or incomplete; copy the file again, or save it with another program "
                f"({complaints.buffer[0].getMessage()})"
            )
