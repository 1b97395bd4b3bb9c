"""Files in a zip, read where they are: never unpacked to disk, and one at a time."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Literal

from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.system.errors import InputError

# A mask of L1 stored without compression shrinks to 1/300 in a zip, one with fewer nuclei to less. Nothing but zeros
# shrinks to 1/1030: a file made to fill the memory, and no image.
MAX_RATIO = 900
# Small files do no harm, whatever their ratio.
HARMLESS_BYTES = 64 * 2**20


@dataclass(frozen=True)
class ZipMember:
    """A file in a zip, with as much of the interface of a `Path` as readers need.

    It holds no open file, since sources are passed on to other processes.
    """

    archive: Path
    member: str
    size: int

    def __str__(self) -> str:
        return f"{self.archive}!{self.member}"

    @property
    def parts(self) -> tuple[str, ...]:
        """Folders and name."""
        return PurePosixPath(self.member).parts

    @property
    def name(self) -> str:
        """Name without the folders."""
        return self.parts[-1]

    @property
    def stem(self) -> str:
        """Name without the suffix."""
        return PurePosixPath(self.member).stem

    @property
    def suffix(self) -> str:
        """Suffix with the dot."""
        return PurePosixPath(self.member).suffix

    def stat(self) -> os.stat_result:
        """Give size and times of the zip."""
        return self.archive.stat()

    def open(self, mode: Literal["rb"] = "rb") -> io.BytesIO:
        """Read the whole member into memory: image libraries jump about in a file, which is slow in a zip."""
        with zipfile.ZipFile(self.archive) as archive:
            size = archive.getinfo(self.member).file_size
            check_declared(self, (size,), "u1")
            with archive.open(self.member) as stream:
                # Without a number all would be decompressed, and then cut to the declared size.
                return io.BytesIO(stream.read(size))

    @contextmanager
    def stream(self) -> Iterator[IO[bytes]]:
        """Open the member to read its beginning, without what follows."""
        with zipfile.ZipFile(self.archive) as archive, archive.open(self.member) as stream:
            yield stream


File = Path | ZipMember


def zip_members(archive: Path) -> list[ZipMember]:
    """List the files in a zip, without junk: __MACOSX and whatever begins with a dot.

    Raises
    ------
    InputError
        The zip is damaged or cut off, or has a member with an unsafe path or of an absurd size.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            infos = opened.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(
            f"{archive}: not a complete zip file ({error}); if you downloaded it, compare its size and checksum, and "
            "download it again"
        ) from error
    for info in infos:
        check_member(archive, info)
    members = [ZipMember(archive, info.filename, info.file_size) for info in infos if not info.is_dir()]
    return [each for each in members if not any(part == "__MACOSX" or part.startswith(".") for part in each.parts)]


def check_member(archive: Path, info: zipfile.ZipInfo) -> None:
    """Refuse a file in a zip that leads out of it, or expands to more than a file of numbers can."""
    name = f"{archive}!{info.filename}"
    if stat.S_ISLNK(info.external_attr >> 16):
        raise InputError(f"{name}: a link to another file; replace it with the file itself")
    # A drive or a backslash means nothing here, but such a zip was made to be unpacked on Windows, out of its folder.
    windows = PureWindowsPath(info.filename)
    if windows.drive or windows.root or ".." in windows.parts:
        raise InputError(f"{name}: unsafe path that leads out of the zip; do not trust this file")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        method = zipfile.compressor_names.get(info.compress_type, str(info.compress_type))  # type: ignore[attr-defined]
        raise InputError(f"{name}: compressed by {method}; only stored and deflated files are read")
    if info.file_size > max(HARMLESS_BYTES, MAX_RATIO * info.compress_size):
        raise InputError(
            f"{name}: {info.file_size:,} bytes in {info.compress_size:,}, "
            f"but no image compresses to less than 1/{MAX_RATIO}; if the file is genuine, unpack the zip and use its "
            "folder"
        )
