"""What processes of our own died of."""

from __future__ import annotations

from signal import Signals


def how_it_ended(exitcode: int | None, key: str) -> str:
    """Say how a process ended that should not have; `key` sets how many of them there are."""
    if exitcode == -Signals.SIGKILL:
        return f"killed by the system (SIGKILL), most likely since memory ran out; try fewer {key}"
    if exitcode is not None and exitcode < 0:
        return f"killed by {Signals(-exitcode).name}"
    return f"exit status {exitcode}; run.log has its last words"
