"""The way in: ``python -m auxcpvloss``, ``run_auxcpvloss.py`` and the installed command."""

from __future__ import annotations

import sys

from auxcpvloss.system import signals

NOT_INSTALLED = 2


def main() -> int:
    """Run the command line; returns the exit status."""
    # Before libraries are imported: half a second in which a signal would show where they were read just then.
    return signals.heeding(_command_line)


def _command_line() -> int:
    try:
        from auxcpvloss.cli import main as command_line
    except ModuleNotFoundError as error:
        if str(error.name).startswith("auxcpvloss"):
            raise
        print(_not_installed(str(error.name)), file=sys.stderr)
        return NOT_INSTALLED
    return command_line()


def _not_installed(module: str) -> str:
    """Say which Python lacks what: most often another one than that which the program was installed for."""
    version = ".".join(map(str, sys.version_info[:2]))
    return (
        f"{sys.executable} (Python {version}) has no module {module!r}. Run the program with a Python 3.11 to 3.13 in "
        "which `pip install -r requirements.txt` was run, such as .venv/bin/python after `make demo` (README)."
    )


if __name__ == "__main__":
    raise SystemExit(main())
