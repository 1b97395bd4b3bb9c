"""What was computed from files, remembered until one of them changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, TypeVar

T = TypeVar("T")

SETTLED = 2.0
"""Seconds after which a change is visible in a file's modification time, on any file system."""

_known: dict[tuple[Any, str], Any] = {}


def remembered(compute: Callable[[Mapping[str, Any]], T], files: Mapping[str, Any]) -> T:
    """Compute something from the content of files (by what each is for), again only if one of them has changed.

    Files, paths or anything that has `stat`, are compared by their names, sizes and times. One that was written a
    moment ago, or while it was read, is read again the next time: its times may not show another change. Raises an
    `OSError` if a file is not there.
    """
    before, newest = _signature(files)
    if (compute, before) in _known:
        return _known[compute, before]
    began = time.time()
    found = compute(files)
    if newest < began - SETTLED and _signature(files)[0] == before:
        _known[compute, before] = found
    return found


def _signature(files: Mapping[str, Any]) -> tuple[str, float]:
    """Digest of what tells that files are as they were, and when the newest of them was written."""
    found = [(role, str(file), file.stat()) for role, file in files.items()]
    seen = [(*who, s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for *who, s in found]
    return sha256(repr(seen).encode()).hexdigest(), max((status.st_mtime for *_, status in found), default=0.0)
