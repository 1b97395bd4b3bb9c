"""A format of images: how it is recognised, which volumes a place holds, and how their files are named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.source import Image, Source
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.names import checked_name

SPLITS = ("train", "val", "test")
UNLABELLED = "unlabelled"
"""What the volumes of ``data.unlabelled_data``, which no split has, are called in its place."""
CENTERS = "centers"
"""Folder of the tables of centers beside that of the images."""
TABLE = (".csv",)

AnyFile = TypeVar("AnyFile", bound=File)


def folders(path: Path, data: Data) -> Mapping[str, Any]:
    """Give the folders of the splits, or "" -> the folder itself; nothing where the path is no folder."""
    if not path.is_dir():
        return {}
    return {split: path / split for split in SPLITS if (path / split).is_dir()} or {"": path}


@dataclass(frozen=True, eq=False)
class Format:
    """A way to store volumes. All of its functions read names only.

    Attributes
    ----------
    name : str
        Value of ``data.input_format``.
    expected : str
        What its files look like, for people whose files do not; ``{data.images}`` stands for that key.
    is_in : callable
        (place, data) -> whether it holds volumes of this format.
    volumes : callable
        (place, data) -> list of Source. An InputError where files do not pair up, or cannot be what they are named.
    places : callable
        (path that the configuration names, data) -> {split: place}, or {"": place} where there are no splits, or
        nothing where the path cannot be of this format.
    files : callable, optional
        (files that the user names, data) -> {file: Image}, of those that are of this format.
    is_generated : bool
        Whether the volumes are computed and lie nowhere; a place is then the name of a split.
    """

    name: str
    expected: str
    is_in: Callable[[Any, Data], bool]
    volumes: Callable[[Any, Data], list[Source]]
    places: Callable[[Path, Data], Mapping[str, Any]] = folders
    files: Callable[[Sequence[Path], Data], Mapping[Path, Image]] | None = None
    is_generated: bool = False


def visible(folder: Path) -> list[Path]:
    """List what is in a folder, by name, without hidden files."""
    return [file for file in sorted(folder.iterdir()) if not file.name.startswith(".")]


def by_stem(files: Iterable[AnyFile], suffixes: Sequence[str]) -> dict[str, AnyFile]:
    """Name the files with one of some suffixes, in small letters, by what comes before it.

    Raises
    ------
    InputError
        Two have the same name, it cannot be the name of a volume, or a file is neither file nor folder.
    """
    found: dict[str, AnyFile] = {}
    for file in files:
        if file.suffix.lower() not in suffixes:
            continue
        if file.stem in found:
            raise InputError(f"{found[file.stem]} and {file}: two volumes with the same name; rename one of them")
        checked_name(file.stem, f"{file}: the name of the volume")
        if isinstance(file, Path) and not (file.is_file() or file.is_dir()):
            raise InputError(f"{file}: neither a file nor a folder; is it a broken link or a pipe?")
        found[file.stem] = file
    return found
