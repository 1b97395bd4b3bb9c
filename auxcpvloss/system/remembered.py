"""What was computed from files, remembered until one of them changes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
AnyFile = TypeVar("AnyFile", bound="Stored")

SETTLED = 2.0
"""Seconds after which a change shows in the times of a file, on any file system."""

_known: dict[tuple[Any, str], Any] = {}


class Stored(Protocol):
    """A file that tells its size and times."""

    def stat(self) -> os.stat_result: ...  # noqa: D102


def remembered(compute: Callable[[Mapping[str, AnyFile]], T], files: Mapping[str, AnyFile]) -> T:
    """Compute something from the content of files (by what each is for), again only if one of them has changed.

    Files are compared by their names, sizes and times. One that was written a moment ago, or while it was read, is read
    again the next time: its times may not show another change. Raises an `OSError` if a file is not there.
    """
    before, newest = _signature(files)
    if (compute, before) in _known:
        return _known[compute, before]
    began = time.time()
    found = compute(files)
    if newest < began - SETTLED and _signature(files)[0] == before:
        _known[compute, before] = found
    return found


def _signature(files: Mapping[str, Stored]) -> tuple[str, float]:
    """Digest of what tells that files are as they were, and when the newest of them was written."""
    whole, newest = sha256(), 0.0
    for role, file in files.items():
        status = file.stat()
        seen = (role, str(file), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        whole.update(f"{seen!r}\n".encode())
        newest = max(newest, status.st_mtime)
    return whole.hexdigest(), newest
