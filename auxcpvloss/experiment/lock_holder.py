"""The process that holds a lock, and whether it is still alive."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from auxcpvloss.system.files import PLACE
from auxcpvloss.system.processes import is_alive, start_of

NAME = ".lock"
SILENCE = 120.0
"""Seconds without a heartbeat after which a holder counts as dead if nothing else is known about it."""


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock: a token that is unique for each lock, its identity, and what people are told."""

    token: str
    place: str = ""
    pid: int = 0
    start: int = 0
    host: str = "an unknown host"
    command: str = ""
    since: str = "an unknown time"

    @classmethod
    def me(cls) -> Holder:
        """Describe this process, with a new token."""
        pid, since = os.getpid(), time.strftime("%Y-%m-%d %H:%M")
        return cls(uuid.uuid4().hex, PLACE, pid, start_of(pid), os.uname().nodename, shlex.join(sys.argv), since)


def read(lock: Path) -> Holder | None:
    """Read who holds a lock; None if nobody does."""
    try:
        text, written = lock.read_text(encoding="utf-8", errors="replace"), lock.stat().st_mtime_ns
        return Holder(**json.loads(text))
    except FileNotFoundError:
        return None
    except (TypeError, ValueError):
        # Being written at this moment, or truncated by a full disk.
        return Holder(f"unreadable-{written}")


def is_dead(lock: Path, holder: Holder) -> bool:
    """Whether the holder of a lock is gone: by its process on this machine, otherwise by its heartbeat."""
    if holder.place == PLACE:
        alive = is_alive(holder.pid, holder.start)
        # If the system hides processes of other users, a process number that exists proves nothing.
        if not alive or start_of(holder.pid):
            return not alive
    # Compare with the clock of the file system, since those of hosts differ.
    probe = lock.with_name(f".tmp-{uuid.uuid4().hex}-{NAME}")
    try:
        probe.touch()
        return probe.stat().st_mtime - lock.stat().st_mtime > SILENCE
    except FileNotFoundError:
        return False
    finally:
        probe.unlink(missing_ok=True)
