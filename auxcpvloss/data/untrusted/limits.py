"""What a file says about its size, checked before anything is allocated for it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from auxcpvloss.system.errors import InputError

NUMBERS = "biufc"
"""Kinds of numpy types that hold no objects; `verify` decides which of them can be intensities or labels."""
GIB = 2**30


def check_declared(origin: object, shape: Sequence[int], dtype: Any) -> None:
    """Refuse an array that does not fit into memory, or that holds something else than numbers.

    Raises
    ------
    InputError
        Names `origin`, the size, and how to go on.
    """
    kind = np.dtype(dtype)
    if kind.kind not in NUMBERS or kind.hasobject:
        raise InputError(f"{origin}: its values are of type {kind}; expected numbers (intensities or labels)")
    if any(size < 0 for size in shape):
        raise InputError(f"{origin}: a shape of {' x '.join(map(str, shape))} voxels; expected positive numbers")
    check_bytes(
        f"{origin}: {' x '.join(map(str, shape))} voxels of {kind}",
        math.prod(map(int, shape)) * kind.itemsize,
        "If the file is right, cut the volume into pieces, or use a machine with more memory",
    )


def check_bytes(what: str, need: int, advice: str) -> None:
    """Refuse what does not fit into memory; the message names the size, and how to go on."""
    free = available_memory()
    if need > free:
        raise InputError(f"{what}: {need / GIB:,.1f} GiB, but {free / GIB:,.1f} GiB of memory are free. {advice}")


def available_memory() -> int:
    """Give the bytes that this process can still have: of the machine, and of the job that it runs in."""
    found = [_number(Path("/proc/meminfo"), r"MemAvailable:\s+(\d+)") * 1024]
    limit = _number(Path("/sys/fs/cgroup/memory.max"), r"(\d+)")
    if limit:
        # What the page cache holds of a job is given up when memory is needed.
        used = _number(Path("/sys/fs/cgroup/memory.current"), r"(\d+)")
        cached = _number(Path("/sys/fs/cgroup/memory.stat"), r"inactive_file (\d+)")
        found.append(limit - used + cached)
    return max(0, min(filter(None, found), default=1 << 62))


def _number(file: Path, pattern: str) -> int:
    """Find a number in a file of the kernel; 0 where there is none."""
    try:
        match = re.search(pattern, file.read_text(encoding="utf-8"))
    except OSError:
        return 0
    return int(match[1]) if match else 0
