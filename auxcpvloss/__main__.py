"""The way in: ``python -m auxcpvloss``, ``run_auxcpvloss.py`` and the installed command."""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 130
MESSAGE = "Interrupted. The same command goes on from here."


def main() -> int:
    """Run the command line; returns the exit status."""
    _import_interruptibly()
    from auxcpvloss.cli import main as command_line

    try:
        return command_line()
    except KeyboardInterrupt:
        print(MESSAGE, file=sys.stderr)
        return INTERRUPTED


def _import_interruptibly() -> None:
    """Import the program and its libraries: half a second in which Ctrl-C would show where they were read just then.

    Not by catching the exception: while a module is read it may be swallowed.
    """
    # A command that was told to ignore Ctrl-C (nohup) goes on ignoring it.
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    signal.signal(signal.SIGINT, _leave)
    import auxcpvloss.cli  # noqa: F401

    signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(*_: object) -> None:
    os.write(2, f"{MESSAGE}\n".encode())
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    raise SystemExit(main())
