"""The volumes of one folder, on disk or in a zip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.arrays import ArraySource
from auxcpvloss.data.sources.source import Source
from auxcpvloss.data.sources.tiffs import TiffSource
from auxcpvloss.data.sources.zips import File, zip_members
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.names import checked_name

TIF = (".tif", ".tiff")
ZARR = (".zarr",)
N5 = (".n5",)
HDF = (".hdf", ".h5", ".hdf5")
TABLE = (".csv",)
CENTERS = "centers"

Content = Mapping[str, Sequence[File]]  # name of a subfolder -> its files
AnyFile = TypeVar("AnyFile", bound=File)


def folder_sources(folder: Path, data: Data, input_format: str) -> list[Source]:
    """List the volumes of a folder: images/ (and masks/, centers/) of TIFF files, or zarr or N5 folders, or hdf5 files.

    Raises
    ------
    InputError
        The folder holds nothing of `input_format` ("auto": nothing or more than one of these formats), or see
        `tiff_sources`.
    """
    files = _visible(folder)
    arrays = {kind: _with_suffix(files, suffixes) for kind, suffixes in (("zarr", ZARR), ("n5", N5), ("hdf", HDF))}
    is_there = {"tif": (folder / data.images).is_dir()} | {kind: bool(found) for kind, found in arrays.items()}
    kinds = [kind for kind, found in is_there.items() if found and input_format in (kind, "auto")]
    if len(kinds) > 1:
        raise InputError(f"{folder}: holds {' and '.join(kinds)} files; choose one with data.input_format")
    if not kinds:
        names = ", ".join(file.name for file in files[:5]) or "nothing"
        raise InputError(
            f"{folder}: no volumes (data.input_format = {input_format!r}; it holds {names}); expected {data.images}/ "
            f"and {data.masks}/ with .tif files of the same names, or .zarr or .n5 folders, or .hdf files"
        )
    if kinds == ["tif"]:
        names_of_folders = (data.images, data.masks, CENTERS)
        content = {name: _visible(folder / name) for name in names_of_folders if (folder / name).is_dir()}
        return tiff_sources(str(folder), content, data)
    centers = _by_stem(_with_suffix(files, TABLE))
    return [
        ArraySource(name, str(path), path, data.raw_key, data.gt_key, centers=centers.get(name))
        for name, path in _by_stem(arrays[kinds[0]]).items()
    ]


def zip_content(archive: Path, data: Data, splits: Iterable[str]) -> dict[str, Content]:
    """Sort the files of a zip by split and folder, below at most one folder around all.

    Returns
    -------
    dict
        split -> name of the folder -> files; the split is "" for folders that are in no split.

    Raises
    ------
    InputError
        See `zip_members`; or there are no images, or more than one folder around the splits.
    """
    members = zip_members(archive)
    content: dict[str, dict[str, list[File]]] = defaultdict(lambda: defaultdict(list))
    tops = set()
    for member in members:
        *above, folder = member.parts[:-1] or ("",)
        if folder in (data.images, data.masks, CENTERS):
            split = above.pop() if above and above[-1] in splits else ""
            tops.add("/".join(above))
            content[split][folder].append(member)
    if len(tops) > 1:
        raise InputError(
            f"{archive}: more than one data set, in {', '.join(sorted(tops))}; expected one folder in a zip"
        )
    if not any(data.images in folders for folders in content.values()):
        names = ", ".join(member.member for member in members[:5]) or "nothing"
        raise InputError(
            f"{archive}: no volumes; expected train/, val/ and test/ with {data.images}/<name>.tif and "
            f"{data.masks}/<name>.tif in each; it holds {names}"
        )
    return dict(content)


def tiff_sources(where: str, content: Content, data: Data) -> list[Source]:
    """Pair images with masks and centers of the same name.

    Parameters
    ----------
    where : path of the folder, for messages
    content : the files of its subfolders

    Raises
    ------
    InputError
        There are no images, a mask or a table of centers has no image, or there are masks and an image has neither a
        mask nor a table of centers.
    """
    images = _by_stem(_with_suffix(content.get(data.images, []), TIF))
    if not images:
        raise InputError(f"{where}/{data.images}: no .tif file")
    masks = _by_stem(_with_suffix(content.get(data.masks, []), TIF))
    centers = _by_stem(_with_suffix(content.get(CENTERS, []), TABLE))
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


def _visible(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.iterdir()) if not file.name.startswith(".")]


def _with_suffix(files: Iterable[AnyFile], suffixes: Sequence[str]) -> list[AnyFile]:
    return [file for file in files if file.suffix.lower() in suffixes]


def _by_stem(files: Iterable[AnyFile]) -> dict[str, AnyFile]:
    found: dict[str, AnyFile] = {}
    for file in files:
        if file.stem in found:
            raise InputError(f"{found[file.stem]} and {file}: two volumes of one name; rename one of them")
        checked_name(file.stem, f"{file}: the name of the volume")
        if isinstance(file, Path) and not (file.is_file() or file.is_dir()):
            raise InputError(f"{file}: neither a file nor a folder; a link to nowhere, or a pipe?")
        found[file.stem] = file
    return found
