"""Checksums of all files in a zarr folder of ours, chunks and descriptions, kept in the folder.

They are kept by path, so that a file that was exchanged or lost is noticed like one that is damaged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lazy import lazily

if TYPE_CHECKING:
    import zarr
else:
    zarr = lazily("zarr")

ADVICE = "Remove {} and repeat the command to create it again."

NAME, ATTRIBUTE = ".checksums", "checksums"
"""The file, and the attribute of the folder that says that there is to be one."""


def seal(root: zarr.Group) -> None:
    """Record the checksums of all files in a folder, after the last of them was written."""
    root.attrs[ATTRIBUTE] = NAME
    folder = Path(root.store.path)
    sums = {key: crc32((folder / key).read_bytes()) for key in sorted(_files(folder))}
    text = json.dumps(sums, indent=0)
    (folder / NAME).write_text(f"{crc32(text.encode())}\n{text}\n", encoding="ascii")


def read_checksums(folder: Path) -> dict[str, int]:
    """Read the checksums of a folder, by the paths of files in it; none for a folder of an earlier version.

    Raises
    ------
    InputError
        They are damaged or were lost.
    """
    path = folder / NAME
    try:
        first, _, text = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        described = folder / ".zattrs"
        if described.is_file() and f'"{ATTRIBUTE}"'.encode() in described.read_bytes():
            raise InputError(f"{path} is missing") from None
        return {}
    try:
        if crc32(text.rstrip(b"\n")) == int(first):
            found: dict[str, int] = json.loads(text)
            return found
    except ValueError:
        pass
    raise InputError(f"{path}: damaged: the checksums in it are not those that were written")


def problem(folder: Path, sums: dict[str, int]) -> str:
    """Say what of a folder is missing, or which description was changed; "" where nothing is. No chunk is read."""
    there = set(_files(folder))
    missing = sorted(sums.keys() - there)
    if missing:
        return f"{len(missing)} of {len(sums)} files are missing: {missing[0]}{' and others' * (len(missing) > 1)}"
    descriptions = (key for key in sums if key.rpartition("/")[2].startswith(".z"))
    changed = (key for key in descriptions if crc32((folder / key).read_bytes()) != sums[key])
    return next((f"{key} changed since it was written" for key in changed), "")


def _files(folder: Path) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        at = Path(place).relative_to(folder)
        yield from ((at / name).as_posix() for name in names if name != NAME)
