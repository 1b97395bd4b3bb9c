"""Files that are whole as soon as they exist, and that a power cut does not take back."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from auxcpvloss.system.faults import FULL, disk_full
from auxcpvloss.system.processes import is_alive, place, start_of

PLACE = place()
MINE = f"{PLACE}-{os.getpid()}-{start_of(os.getpid())}"
"""Whose a temporary is: processes on the same data must not write to the same one."""

DAY = 24 * 60 * 60
THREADS = 32
"""A file system writes what many threads want written in one go: 171 chunks took 0.06 s, one by one 1.1 s."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write a file or folder to, renamed into place at the end.

    What was written is on the disk before it is renamed. The name of the temporary keeps the suffix (libraries choose
    the format by it). After an error it is removed; what a killed process left is removed by the next one that writes
    the same.

    Raises
    ------
    OSError
        A full disk, whatever the library that writes makes of it; names `path`.
    """
    _make_folder(path.parent)
    _remove_abandoned(path)
    beside = path.with_name(f".tmp-{MINE}-{path.name}")
    _remove(beside)
    try:
        with writing(path):
            yield beside
            _flush(beside)
            _put(beside, path)
            _flush_names(path.parent)
    finally:
        _remove(beside)


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
    """Remove a file or folder at once: half a folder is never seen under its name."""
    aside = path.with_name(f".old-{MINE}-{path.name}")
    _remove(aside)
    # Another process may discard the same.
    with suppress(FileNotFoundError):
        path.replace(aside)
    _remove(aside)


def write_text(path: Path, text: str) -> None:
    """Write a text file at once."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _make_folder(folder: Path) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in reversed(missing):
        _flush_names(each.parent)


def _put(beside: Path, path: Path) -> None:
    while True:
        if beside.is_dir():
            discard(path)
        try:
            beside.replace(path)
        except OSError as error:
            # Another process made the same folder since.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            return


def _flush(path: Path) -> None:
    """Have a file, or all that is in a folder, written to the disk."""
    if path.is_dir():
        inside = list(path.rglob("*"))
        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(_flush_file, [each for each in inside if each.is_file()]))
        for folder in [each for each in inside if each.is_dir()][::-1]:
            _flush_names(folder)
        _flush_names(path)
    else:
        _flush_file(path)


def _flush_file(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError as error:
        # Some file systems do not do that; what goes wrong on the disk is told here, too.
        if error.errno in (*FULL, errno.EIO):
            raise
    finally:
        os.close(number)


def _flush_names(folder: Path) -> None:
    """Have the names in a folder written to the disk."""
    # Not every file system opens folders.
    with suppress(IsADirectoryError, PermissionError):
        _flush_file(folder)


def _remove_abandoned(path: Path) -> None:
    for kind in ("tmp", "old"):
        for left in path.parent.glob(f".{kind}-*-{escape(path.name)}"):
            if _is_abandoned(left.name.removeprefix(f".{kind}-").removesuffix(f"-{path.name}"), left):
                _remove(left)


def _is_abandoned(who: str, left: Path) -> bool:
    where, pid, start = (*who.rsplit("-", 2), "", "")[:3]
    if where == PLACE and pid.isdecimal() and start.isdecimal():
        return not is_alive(int(pid), int(start))
    # Of another host, of which nobody can tell but by when something was written last.
    try:
        return time.time() - max(each.lstat().st_mtime for each in (left, *left.rglob("*"))) > DAY
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
