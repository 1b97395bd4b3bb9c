"""Files that are whole as soon as they exist."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MINE = f"{socket.gethostname()}-{os.getpid()}"
"""Whose a temporary is: processes on the same data must not write to the same one."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write a file or folder to, renamed into place at the end.

    The name of the temporary keeps the suffix (libraries choose the format by it). After an error it is removed; what
    a killed process left is removed by the next one that writes the same.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    beside = path.with_name(f".tmp-{MINE}-{path.name}")
    _remove(beside)
    try:
        yield beside
        if beside.is_dir():
            discard(path)
        beside.replace(path)
    finally:
        _remove(beside)


def discard(path: Path) -> None:
    """Remove a file or folder at once: half a folder is never seen under its name."""
    if path.exists():
        aside = path.with_name(f".old-{MINE}-{path.name}")
        _remove(aside)
        path.replace(aside)
        _remove(aside)


def write_text(path: Path, text: str) -> None:
    """Write a text file at once."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _remove_abandoned(path: Path) -> None:
    host = socket.gethostname()
    for kind in ("tmp", "old"):
        for left in path.parent.glob(f".{kind}-{host}-*-{path.name}"):
            process = left.name.removeprefix(f".{kind}-{host}-").removesuffix(f"-{path.name}")
            if process.isdigit() and not Path(f"/proc/{process}").exists():
                _remove(left)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
