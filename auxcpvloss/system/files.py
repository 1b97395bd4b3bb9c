"""Write files and folders atomically, so that a power cut cannot leave half of one under its name."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from glob import escape
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from auxcpvloss.system.checksums import sealed_hdf
from auxcpvloss.system.faults import FULL, disk_full
from auxcpvloss.system.lazy import lazily
from auxcpvloss.system.processes import is_alive, place, start_of

if TYPE_CHECKING:
    import h5py
else:
    h5py = lazily("h5py")

PLACE = place()
MINE = f"{PLACE}-{os.getpid()}-{start_of(os.getpid())}"
"""Part of the names of this process's temporary files, so processes on the same data do not write to the same file."""

DAY = 24 * 60 * 60
ATTEMPTS = 10
"""At giving a folder a name that others give to theirs at the same time."""
THREADS = 32
"""For flushing many files: 171 chunks took 0.06 s together, 1.1 s one by one."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Provide a temporary path for a file or folder, see `temporary`; at the end, `put` it in the place of `path`."""
    with temporary(path) as beside:
        yield beside
        put(beside, path)


@contextmanager
def temporary(path: Path) -> Iterator[Path]:
    """Provide a temporary path beside that of a file or folder that is to be written.

    The temporary name keeps the suffix, by which libraries choose the format. It is removed at the end; if the process
    is killed, the next process that writes the same path removes it. If the disk is full, an `OSError` names `path`,
    whatever the library that writes raises.
    """
    missing = [each for each in path.parents if not each.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    for each in reversed(missing):
        _flush_file(each.parent)
    _remove_abandoned(path)
    beside = path.with_name(f".tmp-{MINE}-{path.name}")
    _remove(beside)
    try:
        with writing(path):
            yield beside
    finally:
        _remove(beside)


def put(beside: Path, path: Path) -> None:
    """Flush a temporary file or folder to the disk, and rename it to `path`."""
    _flush(beside)
    _put(beside, path)
    _flush_file(path.parent)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what libraries raise when the disk is full into an `OSError` that names the file."""
    try:
        yield
    except Exception as error:
        number = disk_full(error)
        if number is None or (isinstance(error, OSError) and error.filename):
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def discard(path: Path) -> None:
    """Remove a file or folder atomically: half a folder is never seen under its name."""
    aside = path.with_name(f".old-{MINE}-{path.name}")
    _remove(aside)
    # Another process may discard the same path.
    with suppress(FileNotFoundError):
        path.replace(aside)
    _remove(aside)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


@contextmanager
def replacing_hdf(path: Path) -> Iterator[h5py.File]:
    """Provide an HDF5 file in memory, and write it, with its checksum, to `path` at the end; see `replacing`.

    In memory, because on a full disk the library fails to close a file, and complains until the program ends.
    """
    with replacing(path) as beside:
        with h5py.File(beside, "w", driver="core", backing_store=False) as file:
            yield file
            file.flush()
            image = file.id.get_file_image()
        beside.write_bytes(sealed_hdf(image))


def restore(path: Path, before: bytes | None) -> None:
    """Give a file the content that it had before; None: there was no file."""
    if before is None:
        path.unlink(missing_ok=True)
        return
    with replacing(path) as beside:
        beside.write_bytes(before)


def unused(path: Path) -> Path:
    """Return a path, or the first of `path`.1, `path`.2, ... at which there is nothing."""
    numbered = (path.with_name(f"{path.name}.{number}") for number in count(1))
    return next(each for each in chain([path], numbered) if not each.exists())


def _put(beside: Path, path: Path) -> None:
    for attempt in count(1):
        if beside.is_dir():
            discard(path)
        try:
            beside.replace(path)
            return
        except OSError as error:
            # Another process has made the same folder in the meantime. Some file systems say so whatever is there.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == ATTEMPTS:
                raise


def _flush(path: Path) -> None:
    """Flush a file, or everything in a folder, the deepest first, to the disk."""
    inside = list(path.rglob("*"))
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(_flush_file, [each for each in inside if each.is_file()]))
    for each in [path, *(folder for folder in inside if folder.is_dir())][::-1]:
        _flush_file(each)


def _flush_file(path: Path) -> None:
    """Flush a file, or the names in a folder. Some file systems cannot open folders, or flush, which is tolerated."""
    with suppress(IsADirectoryError, PermissionError):
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
        except OSError as error:
            # Faults of the disk are reported here, too.
            if error.errno in (*FULL, errno.EIO):
                raise
        finally:
            os.close(number)


def _remove_abandoned(path: Path) -> None:
    for left in chain.from_iterable(path.parent.glob(f".{kind}-*-{escape(path.name)}") for kind in ("tmp", "old")):
        if is_abandoned(left.name.removesuffix(f"-{path.name}").partition("-")[2], left):
            _remove(left)


def is_abandoned(who: str, left: Path) -> bool:
    """Whether the process that a temporary file names, as `MINE` does, has ended."""
    where, pid, start = (*who.rsplit("-", 2), "", "")[:3]
    if where == PLACE and pid.isdecimal() and start.isdecimal():
        return not is_alive(int(pid), int(start))
    # Whether a process on another host is alive shows only in what it wrote last.
    try:
        return time.time() - max(each.lstat().st_mtime for each in (left, *left.rglob("*"))) > DAY
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
