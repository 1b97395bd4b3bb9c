"""Folders that processes read, which no other process may replace meanwhile.

A process leaves a mark, an empty file that names it, in each folder that it reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from auxcpvloss.system.files import MINE, is_abandoned

PREFIX = ".read-by-"
REFRESH = 60 * 60
"""Seconds between signs of life, by which other hosts tell the marks of the living."""

_marks: set[Path] | None = None


@contextmanager
def marking() -> Iterator[None]:
    """Keep what this process is going to `mark` from being replaced by others, until the end of the block."""
    global _marks
    _marks, ended = set(), Event()
    Thread(target=_refresh, args=(_marks, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        for each in _marks:
            with suppress(OSError):
                each.unlink()
        _marks = None


def mark(folder: Path) -> None:
    """Say that this process reads a folder, if it is `marking`; removes the marks of processes that have ended."""
    if _marks is None:
        return
    own = folder / f"{PREFIX}{MINE}"
    own.touch()
    _marks.add(own)
    for each in folder.glob(f"{PREFIX}*"):
        if is_abandoned(each.name.removeprefix(PREFIX), each):
            each.unlink(missing_ok=True)


def is_read(folder: Path) -> bool:
    """Whether another process reads a folder."""
    others = (each.name.removeprefix(PREFIX) for each in folder.glob(f"{PREFIX}*"))
    return any(who != MINE and not is_abandoned(who, folder / f"{PREFIX}{who}") for who in others)


def _refresh(marks: set[Path], ended: Event) -> None:
    while not ended.wait(REFRESH):
        for each in list(marks):
            with suppress(OSError):
                os.utime(each)
