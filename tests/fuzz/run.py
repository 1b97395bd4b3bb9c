"""Run a command that may get bad input, and judge how it ended."""

import hashlib
import re
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxcpvloss.cli import INPUT_ERROR, main


class Hang(BaseException):
    """A command does not end."""


PATIENCE = 600
"""Seconds after which a command counts as one that hangs."""
MAX_LINES, MAX_LENGTH = 12, 4000
"""Of a message."""
LARGE = 2**24
"""Bytes; what is in a larger file is not looked at."""


@dataclass(frozen=True)
class Ending:
    """How a command ended.

    Attributes
    ----------
    status : int or None
        None where an exception came out.
    error : str
        What was printed, or the exception.
    changed : list of str
        Files and folders that came, went or changed.
    """

    status: int | None
    error: str
    changed: list[str]

    @property
    def kind(self) -> str:
        """Runs, refused, or what must not be."""
        if self.status is None or "Traceback" in self.error:
            return "traceback"
        if self.status == INPUT_ERROR:
            return "changed files" if self.changed else "refused"
        return {0: "runs", 1: "stage error"}[self.status]


def attempt(arguments: Sequence[str], watched: Path, capture: Any) -> Ending:
    """Run a command in this process."""
    before = snapshot(watched)
    capture.readouterr()
    status, escaped = None, ""
    try:
        with _patience():
            status = main(arguments)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        escaped = "".join(traceback.format_exception(error))
    error = capture.readouterr().err + escaped
    after = snapshot(watched)
    return Ending(status, error, sorted(key for key in {*before, *after} if before.get(key) != after.get(key)))


def snapshot(folder: Path) -> dict[str, str]:
    """What is in a folder: name -> content."""
    return {str(path.relative_to(folder)): _content(path) for path in folder.rglob("*")}


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    if path.is_file() and path.stat().st_size > LARGE:
        return f"{path.stat().st_size} bytes of {path.stat().st_mtime_ns}"
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return "folder" if path.is_dir() else "special"


def complaint(ending: Ending, named: str) -> str:
    """Say what is wrong with how a command ended; nothing where it ran, or was refused in words that name a place.

    Parameters
    ----------
    ending : Ending
    named : str
        Pattern of what a message has to name.
    """
    if ending.kind not in ("runs", "refused"):
        return f"{ending.kind}: {ending.changed} {ending.error}"
    if ending.kind == "refused":
        lines = ending.error.strip().splitlines()
        if not lines or len(lines) > MAX_LINES or len(ending.error) > MAX_LENGTH:
            return f"a message of {len(lines)} lines and {len(ending.error)} letters: {ending.error[:500]}"
        if not re.search(named, ending.error):
            return f"names none of {named}: {ending.error}"
    return ""


def report(what: str, endings: Counter[str]) -> str:
    """One line with the counts."""
    return f"{what}: {endings.total()} mutations: " + ", ".join(
        f"{endings[kind]} {kind}" for kind in ("runs", "refused", "traceback", "changed files", "stage error")
    )


@contextmanager
def _patience() -> Iterator[None]:
    def hang(*_: object) -> None:
        raise Hang(f"still running after {PATIENCE} seconds")

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGALRM, hang)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
