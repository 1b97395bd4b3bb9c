"""Who a process is, how those of our own start, with whom they end, and what they died of."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from hashlib import sha256
from multiprocessing import parent_process, resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path
from signal import Signals
from threading import Thread

from auxcpvloss.system.signals import STATUS


def start_worker(process: BaseProcess) -> None:
    """Start a process that leaves signals to this one.

    Ctrl-C and batch systems signal the whole group of processes. A worker has nothing to say then; it inherits that
    they are blocked, so that not even its imports are disturbed.
    """
    # It lets the signals through again when it starts a process of its own, so that has to be there already.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STATUS)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """In a worker: end as soon as the process that started it has ended, by whatever."""
    Thread(target=_wait_and_leave, daemon=True).start()


def _wait_and_leave() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        # Without waiting for threads of libraries.
        os._exit(0)


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
        os.kill(pid, 0)
    except PermissionError:
        # It is someone else's.
        pass
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


def how_it_ended(exitcode: int | None, key: str) -> str:
    """Say how a process ended that should not have; `key` sets how many of them there are."""
    if exitcode == -Signals.SIGKILL:
        return f"killed by the system (SIGKILL), most likely since memory ran out; try fewer {key}"
    if exitcode is not None and exitcode < 0:
        return f"killed by {Signals(-exitcode).name}"
    return f"exit status {exitcode}; run.log has its last words"
