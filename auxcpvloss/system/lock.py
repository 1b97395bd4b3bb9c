"""One command at a time in the folder of an experiment, and one writer of a prepared volume.

A lock is a file, ``.lock`` or ``.lock.<name>``, that names its holder. It is taken with operations that are atomic on
network file systems too (hard link or exclusive creation, and rename), without `fcntl`, which some of them lack.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from textwrap import shorten
from threading import Event, Thread

from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import PLACE, writing
from auxcpvloss.system.lock_holder import NAME, NOT_A_FILE, Holder, is_dead, read
from auxcpvloss.system.printable import printable

BEAT = 10.0
"""Seconds between heartbeats."""
PATIENCE, WAIT = 600.0, 0.05
"""Seconds to wait for a lock that is held for a moment, and between two looks at it."""
ATTEMPTS = 10_000
"""At taking a lock that others take and release at the same time."""
LOST = 1
"""Exit status of a command that lost its lock; the same as for a failed stage."""

_tidied: set[Path] = set()

logger = logging.getLogger(__name__)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; create the folder, and remove it again if it is still empty at the end.

    If another command takes the lock over, which happens only if this one was suspended for minutes, the process ends
    with a message: it must not write any more. If another command holds the lock, an `InputError` names it.
    """
    created = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        with _held(folder / NAME, 0, "Wait for it, or work in another experiment (-id NAME)"):
            _remove_leftovers(folder / NAME)
            yield
    finally:
        for each in created:
            # Fails if a stage or another command has put something into it.
            with suppress(OSError):
                each.rmdir()


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock beside a file or folder that several commands write, for a moment; wait for whoever holds it."""
    with _held(_beside(path), PATIENCE, "Repeat the command"):
        if path.parent not in _tidied:
            # Once, since there may be thousands of volumes in a folder.
            _tidied.add(path.parent)
            _remove_leftovers(_beside(path))
        yield


def is_held(path: Path) -> bool:
    """Whether another process is `alone` with a file or folder, or has died there."""
    return _beside(path).exists()


def _beside(path: Path) -> Path:
    return path.with_name(f"{NAME}.{path.stem}")


@contextmanager
def _held(lock: Path, patience: float, advice: str) -> Iterator[None]:
    me, until = Holder.me(), time.monotonic() + patience
    while other := _take(lock, me):
        if time.monotonic() >= until:
            raise InputError(
                f"{lock.parent}: in use by process {other.pid} on {other.host} since "
                f"{other.since} ({shorten(other.command, 120)}). {advice}{_remedy(lock, other)}."
            )
        time.sleep(WAIT)
    stopped = Event()
    heartbeat = Thread(target=_beat, args=(lock, me, stopped), daemon=True)
    heartbeat.start()
    try:
        yield
    finally:
        stopped.set()
        heartbeat.join()
        _release(lock, me)


def _remedy(lock: Path, other: Holder) -> str:
    """Say what to remove where only a clock, which may have been set back, tells whether the holder is alive."""
    return "" if other.place == PLACE else f"; if it no longer runs, remove {lock}"


def _take(lock: Path, me: Holder) -> Holder | None:
    """Take a lock; return the living holder that prevents it, or None.

    The lock of a dead holder is replaced, never removed, so there is no moment without a lock. Only the process that
    holds a second lock, named after the token of the dead holder, may replace it: whoever comes later finds that the
    lock has changed. If that process dies in turn, the second lock is taken over in the same way.
    """
    for _ in range(ATTEMPTS):
        if (holder := read(lock)) is None:
            if _create(lock, me):
                return None
            continue
        if holder == NOT_A_FILE:
            raise InputError(f"{lock}: not a file, but a link, a pipe or a folder. Remove it and repeat the command.")
        if not is_dead(lock, holder):
            return holder
        guard, guardian = lock.with_name(f"{NAME}-over-{holder.token}"), Holder.me()
        if other := _take(guard, guardian):
            return other
        try:
            if read(lock) == holder:
                logger.info("%s: taken over from process %d on %s, which no longer runs", lock, holder.pid, holder.host)
                _write_beside(lock, me).replace(lock)
                return None
        finally:
            _release(guard, guardian)
    raise InputError(f"{lock}: can be neither read nor created. Remove it and repeat the command.")


def _create(lock: Path, me: Holder) -> bool:
    """Create a lock; return False if another process was faster."""
    beside = _write_beside(lock, me)
    try:
        os.link(beside, lock)
    except FileExistsError:
        return False
    except OSError:
        # The link count tells whether only the server's answer was lost, or there are no hard links here.
        return beside.stat().st_nlink == 2 or _create_without_link(lock, beside.read_bytes())
    finally:
        beside.unlink(missing_ok=True)
    return True


def _create_without_link(lock: Path, content: bytes) -> bool:
    try:
        file = lock.open("xb", buffering=0)
    except FileExistsError:
        return False
    try:
        with file:
            file.write(content)
    except OSError:
        lock.unlink()
        raise
    return True


def _write_beside(lock: Path, me: Holder) -> Path:
    """Write the content of a lock to a temporary file beside it."""
    beside = lock.with_name(f".tmp-{me.token}-{NAME}")
    try:
        while True:
            lock.parent.mkdir(parents=True, exist_ok=True)
            # Another command may have removed the empty folder.
            with suppress(FileNotFoundError), writing(lock):
                beside.write_text(json.dumps(asdict(me)) + "\n", encoding="utf-8")
                return beside
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _remove_leftovers(lock: Path) -> None:
    """Remove files of commands that were killed while they took a lock."""
    for left in (*lock.parent.glob(f"{NAME}-over-*"), *lock.parent.glob(f".tmp-*-{NAME}")):
        if (holder := read(left)) and is_dead(left, holder):
            left.unlink(missing_ok=True)


def _beat(lock: Path, me: Holder, stopped: Event) -> None:
    while not stopped.wait(BEAT):
        # A file system that fails now may work at the next beat.
        with suppress(OSError):
            holder = read(lock)
            if holder != me:
                _end(lock, holder)
            os.utime(lock)


def _end(lock: Path, holder: Holder | None) -> None:
    """End the process at once, as a kill would: another command may be writing the same files now."""
    who = f"was taken over by process {holder.pid} on {holder.host}" if holder else "was removed"
    ended = "while this command was suspended or cut off. It ends here; finished results are kept."
    message = printable(f"{lock}: {who} {ended}")
    logger.error("%s", message)
    print(message, file=sys.stderr, flush=True)
    os._exit(LOST)


def _release(lock: Path, me: Holder) -> None:
    with suppress(OSError):
        if read(lock) == me:
            lock.unlink()
