"""One command at a time in the folder of an experiment.

The lock is a file, ``.lock``, that tells who holds it. It is made by what is atomic on network file systems too (a hard
link, or exclusive creation, and rename), and without `fcntl`, which some of them do not have. A holder that died is
known by its process number where that means something, and elsewhere by a heartbeat that stays away.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import shorten
from threading import Event, Thread

from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import PLACE, writing
from auxcpvloss.system.processes import is_alive, start_of

NAME = ".lock"
BEAT, SILENCE = 10.0, 120.0
"""Seconds between two heartbeats, and after which a holder of which nothing else is known counts as dead."""
LOST = 1
"""Exit status of a command whose lock was taken over: that of a stage that could not go on."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes
    ----------
    token : str
        Different each time that anybody takes any lock.
    place, pid, start
        See `processes`.
    host, command, since : str
        For people.
    """

    token: str
    place: str = ""
    pid: int = 0
    start: int = 0
    host: str = "an unknown host"
    command: str = ""
    since: str = "an unknown time"

    @classmethod
    def me(cls) -> Holder:
        """Give this process, with a token of its own."""
        pid = os.getpid()
        since = time.strftime("%Y-%m-%d %H:%M")
        return cls(uuid.uuid4().hex, PLACE, pid, start_of(pid), os.uname().nodename, shlex.join(sys.argv), since)


class HeldError(Exception):
    """The lock is held by one who lives."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(holder)
        self.holder = holder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which is made, and removed again if nothing was put into it.

    Where the lock is taken over by another command, which happens only if this one was stopped for minutes, the
    process ends with a message: it must not write any more.

    Raises
    ------
    InputError
        Another command holds it; says who. Nothing was changed.
    OSError
        The lock cannot be written.
    """
    lock, me = folder / NAME, Holder.me()
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        try:
            _take(lock, me)
        except HeldError as error:
            raise InputError(_in_use(folder, error.holder)) from None
        stopped = Event()
        heartbeat = Thread(target=_beat, args=(lock, me, stopped), daemon=True)
        heartbeat.start()
        try:
            _clear(lock)
            yield
        finally:
            stopped.set()
            heartbeat.join()
            _release(lock, me)
    finally:
        for each in made:
            # Not empty: there is something in it that a stage made, or another command.
            with suppress(OSError):
                each.rmdir()


def _in_use(folder: Path, holder: Holder) -> str:
    command = shorten(holder.command, 120)
    return (
        f"{folder}: in use by process {holder.pid} on {holder.host} since {holder.since} ({command}). Wait for it, or "
        "work in another experiment (-id NAME)."
    )


def _take(lock: Path, me: Holder) -> None:
    """Make a lock mine.

    A dead holder's lock is replaced, never removed, so that there is no moment without one; and by one process only,
    which holds a lock on that: its name is the token of the dead, so that who comes too late finds that the lock is no
    longer that of the dead. What one left that died while it did so is taken over in the same way.

    Raises
    ------
    HeldError
    """
    while True:
        holder = read(lock)
        if holder is None:
            if _create(lock, me):
                return
        elif not _is_dead(lock, holder):
            raise HeldError(holder)
        else:
            guard, guardian = lock.with_name(f"{NAME}-over-{holder.token}"), Holder.me()
            _take(guard, guardian)
            try:
                if read(lock) == holder:
                    logger.info("%s: taken over from process %d on %s, which is dead", lock, holder.pid, holder.host)
                    _written(lock, me).replace(lock)
                    return
            finally:
                _release(guard, guardian)


def _create(lock: Path, me: Holder) -> bool:
    """Write a lock that nobody holds, if nobody was faster."""
    written = _written(lock, me)
    try:
        os.link(written, lock)
    except FileExistsError:
        return False
    except OSError:
        # The answer of a server may be lost: its own count tells.
        return written.stat().st_nlink == 2 or _create_without_links(lock, written)
    finally:
        written.unlink(missing_ok=True)
    return True


def _create_without_links(lock: Path, written: Path) -> bool:
    try:
        file = lock.open("x", encoding="utf-8")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(written.read_text(encoding="utf-8"))
    except OSError:
        lock.unlink()
        raise
    return True


def _written(lock: Path, me: Holder) -> Path:
    """Write what the lock is to say to a file beside it, under a name of its own."""
    beside = lock.with_name(f".tmp-{me.token}-{NAME}")
    try:
        while True:
            lock.parent.mkdir(parents=True, exist_ok=True)
            # Another command may have found the folder empty, and removed it.
            with suppress(FileNotFoundError), writing(lock):
                beside.write_text(json.dumps(asdict(me)) + "\n", encoding="utf-8")
                return beside
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _clear(lock: Path) -> None:
    """Remove what commands left that were killed while they took a lock."""
    for left in (*lock.parent.glob(f"{NAME}-over-*"), *lock.parent.glob(f".tmp-*-{NAME}")):
        holder = read(left)
        if holder and _is_dead(left, holder):
            left.unlink(missing_ok=True)


def read(lock: Path) -> Holder | None:
    """Read who holds a lock; None where nobody does."""
    try:
        text, written = lock.read_text(encoding="utf-8", errors="replace"), lock.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    try:
        return Holder(**json.loads(text))
    except (TypeError, ValueError):
        # Being written just now, or what a full disk left of it.
        return Holder(f"unreadable-{written}")


def _is_dead(lock: Path, holder: Holder) -> bool:
    if holder.place == PLACE:
        alive = is_alive(holder.pid, holder.start)
        # Where processes of others are hidden the number alone does not tell.
        if not alive or start_of(holder.pid):
            return not alive
    # By the clock of the file system: those of hosts differ.
    probe = lock.with_name(f".tmp-{uuid.uuid4().hex}-{NAME}")
    try:
        probe.touch()
        return probe.stat().st_mtime - lock.stat().st_mtime > SILENCE
    except FileNotFoundError:
        return False
    finally:
        probe.unlink(missing_ok=True)


def _beat(lock: Path, me: Holder, stopped: Event) -> None:
    while not stopped.wait(BEAT):
        # What the file system cannot do just now it may be able to do the next time.
        with suppress(OSError):
            holder = read(lock)
            if holder != me:
                _end(lock, holder)
            os.utime(lock)


def _end(lock: Path, holder: Holder | None) -> None:
    """End the process at once, as if it were killed: whatever it wrote now, another may write, too."""
    who = f"was taken over by process {holder.pid} on {holder.host}" if holder else "was removed"
    message = f"{lock}: {who} while this command was stopped or cut off. It ends here; what was finished is kept."
    logger.error("%s", message)
    print(message, file=sys.stderr, flush=True)
    os._exit(LOST)


def _release(lock: Path, me: Holder) -> None:
    with suppress(OSError):
        if read(lock) == me:
            lock.unlink()
