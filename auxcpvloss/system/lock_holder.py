"""The process that holds a lock, and whether it is still alive."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import stat
import sys
import time
import uuid
from dataclasses import dataclass, fields
from pathlib import Path

from auxcpvloss.system.files import PLACE
from auxcpvloss.system.processes import is_alive, start_of

NAME = ".lock"
TOKEN = re.compile(r"[0-9A-Za-z-]{1,64}")
MAX_BYTES = 2**16
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

    @classmethod
    def parse(cls, text: str) -> Holder:
        """Read what a holder has written about itself; a `ValueError` or `TypeError` says that it is something else."""
        found = cls(**json.loads(text))
        # Part of the names of files.
        if not isinstance(found.token, str) or not TOKEN.fullmatch(found.token):
            raise ValueError("no token")
        if any(type(getattr(found, each.name)) is not type(each.default) for each in fields(cls)[1:]):
            raise TypeError("not the fields of a holder")
        return found


NOT_A_FILE = Holder("")
"""Stands for a link, a pipe or a folder in the place of a lock."""


def read(lock: Path) -> Holder | None:
    """Read who holds a lock; None if nobody does, `NOT_A_FILE` if something else has its name."""
    try:
        # Opening a pipe would otherwise wait for somebody who writes to it.
        number = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            return NOT_A_FILE
        raise
    try:
        found = os.fstat(number)
        text = os.read(number, MAX_BYTES) if stat.S_ISREG(found.st_mode) else None
    finally:
        os.close(number)
    if text is None:
        return NOT_A_FILE
    try:
        return Holder.parse(text.decode(errors="replace"))
    except (TypeError, ValueError, RecursionError):
        # Being written at this moment, or truncated by a full disk.
        return Holder(f"unreadable-{found.st_mtime_ns}")


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
