"""Processes of our own: how they start, with whom they end, and what they died of."""

from __future__ import annotations

import os
import signal
from multiprocessing import parent_process, resource_tracker
from multiprocessing.process import BaseProcess
from signal import Signals
from threading import Thread

from auxcpvloss.signals import STATUS


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


def how_it_ended(exitcode: int | None, key: str) -> str:
    """Say how a process ended that should not have; `key` sets how many of them there are."""
    if exitcode == -Signals.SIGKILL:
        return f"killed by the system (SIGKILL), most likely since memory ran out; try fewer {key}"
    if exitcode is not None and exitcode < 0:
        return f"killed by {Signals(-exitcode).name}"
    return f"exit status {exitcode}; run.log has its last words"
