"""Entry point of ``python -m auxcpvloss``, ``run_auxcpvloss.py`` and the installed command."""

from __future__ import annotations

import gc
import sys

from auxcpvloss.system import signals

NOT_INSTALLED = 2


def main() -> int:
    """Run the command line; return the exit status."""
    # Before libraries are imported: for half a second a signal would otherwise end in a traceback.
    return signals.heeding(_command_line)


def _command_line() -> int:
    # What imports make stays, so that there is no garbage to look for: a tenth of their time.
    gc.disable()
    try:
        from auxcpvloss.cli import main as command_line
    except ModuleNotFoundError as error:
        if str(error.name).startswith("auxcpvloss"):
            raise
        # Most often this is not the Python for which the program was installed.
        version = ".".join(map(str, sys.version_info[:2]))
        print(
            f"{sys.executable} (Python {version}) has no module {error.name!r}. Use a Python 3.11 to 3.13 for which "
            "you ran `pip install -r requirements.txt`, such as .venv/bin/python after `make demo` (README).",
            file=sys.stderr,
        )
        return NOT_INSTALLED
    gc.enable()
    return command_line()


if __name__ == "__main__":
    raise SystemExit(main())
