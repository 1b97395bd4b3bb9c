"""Files that are whole as soon as they exist."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write a file or folder to, renamed into place at the end.

    The name of the temporary keeps the suffix (libraries choose the format by it). After an error it is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".tmp-{path.name}")
    _remove(beside)
    try:
        yield beside
        if beside.is_dir():
            # A folder cannot be renamed over another one.
            _remove(path)
        beside.replace(path)
    finally:
        _remove(beside)


def write_text(path: Path, text: str) -> None:
    """Write a text file at once."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
