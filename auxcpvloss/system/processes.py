"""Which process is which, and whether it is still there."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from hashlib import sha256
from pathlib import Path


def place() -> str:
    """Say where process numbers mean the same: the host, this boot of it, and the container."""
    facts = []
    with suppress(OSError):
        facts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with suppress(OSError):
        facts.append(os.readlink("/proc/self/ns/pid"))  # noqa: PTH115 - no path, but pid:[number]
    return f"{socket.gethostname()}.{sha256(' '.join(facts).encode()).hexdigest()[:8]}"


def start_of(pid: int) -> int:
    """Give when a process began, in ticks since the boot: numbers are given out again; 0 where it cannot be told."""
    return _state(pid)[1]


def is_alive(pid: int, start: int) -> bool:
    """Whether the process of this place that had this number and began then is still there."""
    try:
        # It may be someone else's.
        with suppress(PermissionError):
            os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    state, now = _state(pid)
    # A dead process whose parent does not ask how it ended (Z) stays in the table.
    return state not in ("Z", "X") and (not start or not now or now == start)


def _state(pid: int) -> tuple[str, int]:
    """Give the state of a process, a letter, and when it began; "" and 0 where it cannot be told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", 0
    # The name of the program, in brackets, may hold anything; fields 3 and 22 are the first and the 20th after it.
    fields = stat.rpartition(")")[2].split()
    return fields[0], int(fields[19])
