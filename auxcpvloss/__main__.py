"""The way in: ``python -m auxcpvloss``, ``run_auxcpvloss.py`` and the installed command."""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED, NOT_INSTALLED = 130, 2
MESSAGE = "Interrupted. The same command goes on from here."


def main() -> int:
    """Run the command line; returns the exit status."""
    try:
        _import_interruptibly()
        from auxcpvloss.cli import main as command_line
    except ModuleNotFoundError as error:
        if str(error.name).startswith("auxcpvloss"):
            raise
        print(_not_installed(str(error.name)), file=sys.stderr)
        return NOT_INSTALLED

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


def _not_installed(module: str) -> str:
    """Say which Python lacks what: most often another one than that which the program was installed for."""
    version = ".".join(map(str, sys.version_info[:2]))
    return (
        f"{sys.executable} (Python {version}) has no module {module!r}. Run the program with a Python 3.11 to 3.13 in "
        "which `pip install -r requirements.txt` was run, such as .venv/bin/python after `make demo` (README)."
    )


def _leave(*_: object) -> None:
    os.write(2, f"{MESSAGE}\n".encode())
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    raise SystemExit(main())
