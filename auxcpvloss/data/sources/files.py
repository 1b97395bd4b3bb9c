"""Files of a folder, on disk or in a zip, sorted by what they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.names import checked_name

CENTERS = "centers"
"""Folder of the tables of centers beside that of the images."""
TABLE = (".csv",)

AnyFile = TypeVar("AnyFile", bound=File)


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
            raise InputError(f"{found[file.stem]} and {file}: two volumes of one name; rename one of them")
        checked_name(file.stem, f"{file}: the name of the volume")
        if isinstance(file, Path) and not (file.is_file() or file.is_dir()):
            raise InputError(f"{file}: neither a file nor a folder; a link to nowhere, or a pipe?")
        found[file.stem] = file
    return found
