"""Read the planes of an OME-TIFF, from one file or several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.sources.axes import Axes, check_gray
from auxcpvloss.data.sources.ome import Pixels
from auxcpvloss.data.sources.ome_sets import OmeSet, metadata_of
from auxcpvloss.data.sources.tiff_file import opened
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError

MOST_MENTIONS = 10
PLANE = "-"
"""The axis along which planes are read."""


class _Part(NamedTuple):
    """A file: how many planes it has, and what the first of them is."""

    file: File
    pages: int
    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def pixels_of(files: OmeSet) -> Pixels:
    """Read the metadata of a volume; an `InputError` says if a file is lacking, or if they are not of one volume."""
    origin = files.leader
    if files.lacking:
        names = ", ".join(files.lacking)
        advice = "copy all files of the set into this folder, under the names that they were saved with"
        if any(mark in names for mark in "/\\"):
            advice = "files elsewhere are not read; put all files of the set into this folder, and save them again"
        raise InputError(f"{origin}: a part of its volume is in {names}, which is not here; {advice}")
    with reading(files.holder):
        ome = metadata_of(files.holder)
        described = () if ome is None else ome.images
        images = [described[number] for number in files.numbers] or described
    if len(images) != 1:
        raise InputError(f"{origin}: contains {len(images)} images that do not form a stack; expected one volume")
    return images[0]


def read_planes(files: OmeSet, axes: Axes, is_mask: bool = False) -> NDArray[Any]:
    """Read a volume: (Z, Y, X).

    Raises
    ------
    InputError
        A file or plane is lacking, the files do not fit together, the volume does not fit into memory or is none.
    """
    origin, pixels = files.leader, pixels_of(files)
    known = dict(files.parts)
    parts = [_look(known.get(each, files.holder)) for each in pixels.references]
    first = parts[0]
    if any(part[2:] != first[2:] for part in parts):
        raise InputError(f"{origin}: the files of its set have planes of different shapes or types; save it again")
    cut = axes.cut(origin, (*pixels.sizes, *first.shape), pixels.axes + first.axes)
    # Before anything is made that is as long as the metadata say.
    count, there = math.prod(pixels.sizes), sum(part.pages for part in parts)
    if count > there:
        raise InputError(f"{origin}: planes are missing: {count:,} are described, {there:,} are there; save it again")
    numbers, within = cut.index[: len(pixels.sizes)], cut.index[len(pixels.sizes) :]
    wanted = np.arange(count).reshape(pixels.sizes)[numbers]
    check_declared(origin, (wanted.size, *first.shape), first.dtype)
    with reading(origin):
        data = _read(origin, parts, _places(pixels, parts, count)[wanted.ravel()])
    if is_mask:
        check_gray(origin, data, PLANE + first.axes)
    return cut.placed(data.reshape(*wanted.shape, *first.shape)[(..., *within)])


def _look(file: File) -> _Part:
    with opened(file) as tiff:
        page = tiff.pages.first
        return _Part(file, len(tiff.pages), page.axes, page.shape, page.dtype)


def _places(pixels: Pixels, parts: Sequence[_Part], count: int) -> NDArray[np.intp]:
    """Say of each plane in which part it lies, and which of its pages it is: (planes, 2), -1 where it lies nowhere."""
    found, seen = np.full((count, 2), -1), 0
    which = {each: number for number, each in enumerate(pixels.references)}
    for block in pixels.blocks:
        part = which[block.file]
        pages = np.arange(parts[part].pages)[block.page :][: block.planes][: count - block.first]
        found[block.first : block.first + len(pages)] = part
        found[block.first : block.first + len(pages), 1] = pages
        seen += len(pages)
        if seen > MOST_MENTIONS * count:
            raise ValueError("its metadata name the same planes again and again")
    return found


def _read(origin: File, parts: Sequence[_Part], places: NDArray[np.intp]) -> NDArray[Any]:
    """Read planes, file by file."""
    if (lacking := np.flatnonzero(places[:, 0] < 0)).size:
        raise InputError(f"{origin}: planes are missing: {lacking.size:,} lie in none of its files; save it again")
    data: NDArray[Any] = np.empty((len(places), *parts[0].shape), parts[0].dtype)
    for number, part in enumerate(parts):
        rows = np.flatnonzero(places[:, 0] == number)
        if rows.size:
            with opened(part.file) as tiff:
                pages = tiff.asarray(key=places[rows, 1].tolist()).reshape(len(rows), *part.shape)
            if len(rows) == len(places):
                return pages
            data[rows] = pages
    return data
