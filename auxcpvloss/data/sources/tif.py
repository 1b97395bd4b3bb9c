"""TIFF files in images/, with the labels in masks/ and tables of centers in centers/, by the same names.

Read are stacks of one channel, or the channel that is chosen, with the axes Z, Y, X or Y, X, in any compression that
tifffile knows. A volume that does not fit into memory is refused before it is read. What tifffile only logs, such as
planes that are cut off, is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.axes import Axes, check_gray
from auxcpvloss.data.sources.format import CENTERS, TABLE, Format, by_stem, visible
from auxcpvloss.data.sources.ome_planes import pixels_of, read_planes
from auxcpvloss.data.sources.ome_sets import SUFFIXES, OmeSet, find_sets
from auxcpvloss.data.sources.pairing import likely, partners
from auxcpvloss.data.sources.source import Image, Source, Vector
from auxcpvloss.data.sources.tiff_file import head, opened
from auxcpvloss.data.sources.tiff_voxel_size import recorded_voxel_size
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lazy import lazily

if TYPE_CHECKING:
    import tifffile
else:
    tifffile = lazily("tifffile")


@dataclass(frozen=True)
class TiffImage(Image):
    """An image or mask: a file on disk or in a zip."""

    file: File
    axes: Axes
    role: Literal["image", "mask"] = "image"
    files_of_set: OmeSet | None = None

    def __str__(self) -> str:
        return str(self.file)

    def read(self) -> NDArray[Any]:
        """Read the stack; a single image is a volume of one plane."""
        if files := self._ome():
            return read_planes(files, self.axes, self.role == "mask")
        with opened(self.file) as tiff:
            return _read(self.file, tiff, self.axes, self.role == "mask")

    def files(self) -> dict[str, File]:
        """Give the file, or all files of its set."""
        together = self.files_of_set
        if together is None or together.names == {self.file.name}:
            return {self.role: self.file}
        files = {self.file, together.holder, *(part for _, part in together.parts)}
        return {f"{self.role} {file.name}": file for file in sorted(files, key=str)}

    def voxel_size(self) -> Vector | None:
        """Size of a voxel; that of a mask is not looked at."""
        if self.role == "mask":
            return None
        if files := self._ome():
            return pixels_of(files).voxel_size
        with opened(self.file) as tiff:
            return recorded_voxel_size(tiff)

    def _ome(self) -> OmeSet | None:
        """Give the files of its set; itself, if it has OME metadata."""
        return self.files_of_set or (OmeSet.of(self.file) if head(self.file).is_ome else None)


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
    axes = Axes.of(data)
    images = _images(content.get(data.images, []), axes, "image")
    masks = _images(content.get(data.masks, []), axes, "mask")
    centers = by_stem(content.get(CENTERS, []), TABLE)
    if not images:
        raise InputError(f"{where}/{data.images}: no .tif file")
    mask_of, table_of = partners(images, masks, data.mask_pattern), partners(images, centers)
    for what, files, pairs in (("mask", masks, mask_of), ("table", centers, table_of)):
        for name in sorted(files.keys() - set(pairs.values())):
            hint = likely(name, sorted(images.keys() - pairs.keys())) if what == "mask" else ""
            raise InputError(
                f"{files[name]}: no image of this name in {where}/{data.images}; add it, or remove the {what}{hint}"
            )
    if data.masks in content:
        for name in sorted(images.keys() - mask_of.keys() - table_of.keys()):
            raise InputError(
                f"{images[name]}: no mask of this name in {where}/{data.masks} (and no {CENTERS}/{name}.csv); "
                "add it, or remove the image. Images without labels, for denoising, are those of data.unlabelled_data"
            )
    return [
        Source(name, str(image), image, masks.get(mask_of.get(name, "")), centers.get(table_of.get(name, "")))
        for name, image in images.items()
    ]


def _images(files: Sequence[File], axes: Axes, role: Literal["image", "mask"]) -> dict[str, TiffImage]:
    """Name the volumes in the files of a folder by those of their first planes."""
    found = find_sets(list(by_stem(files, SUFFIXES).values()), files)
    return {file.stem: TiffImage(file, axes, role, together) for file, together in found.items()}


def _is_in(place: Path, data: Data) -> bool:
    return (place / data.images).is_dir()


def _volumes(place: Path, data: Data) -> list[Source]:
    folders = (data.images, data.masks, CENTERS)
    content = {name: visible(place / name) for name in folders if (place / name).is_dir()}
    return pair(str(place), content, data)


def _named(files: Sequence[Path], data: Data) -> dict[Path, Image]:
    """Give the volumes of TIFF files that the user names; the others of a set may be beside them."""
    axes = Axes.of(data)
    found: dict[File, Image] = {}
    stacks = [path for path in files if path.suffix.lower() in SUFFIXES and path.is_file()]
    for folder in dict.fromkeys(path.parent for path in stacks):
        sets = find_sets([path for path in stacks if path.parent == folder], visible(folder))
        found |= {file: TiffImage(file, axes, "image", together) for file, together in sets.items()}
    return {file: image for file, image in found.items() if isinstance(file, Path)}


EXPECTED = "{data.images}/ and {data.masks}/ with .tif files of the same names"
TIF = Format("tif", EXPECTED, _is_in, _volumes, files=_named)


def _read(file: File, tiff: tifffile.TiffFile, axes: Axes, is_mask: bool) -> NDArray[Any]:
    """Read a file that holds one volume, and nothing else but channels."""
    if len(tiff.series) != 1:
        raise InputError(
            f"{file}: contains {len(tiff.series)} images that do not form a stack; expected one volume, whose planes "
            "are saved at once (with tifffile: one call of imwrite for all)"
        )
    series = tiff.series[0]
    if is_mask and "S" in series.axes:
        # Before a channel is proposed.
        check_declared(file, series.shape, series.dtype)
        check_gray(file, series.asarray(), series.axes)
    cut = axes.cut(file, series.shape, series.axes)
    if any(page is None for page in series.pages):
        raise InputError(f"{file}: planes are missing; copy or save the file again")
    check_declared(file, series.shape, series.dtype)
    return cut.of(series.asarray())
