"""What people see while stages run; details go to run.log."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from rich import progress as bars
from rich.console import Console
from rich.table import Table
from rich.text import Text

from auxcpvloss.system.errors import InputError
from auxcpvloss.system.faults import disk_full
from auxcpvloss.system.printable import printable

logger = logging.getLogger("auxcpvloss")


class Terminal:
    """The one place that writes to standard output."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, emoji=False)
        if not self.console.is_terminal:
            # A file or a pipe has no width; this is enough for every table.
            self.console.width = 140
        self.stage = ""

    def say(self, text: str) -> None:
        """Print a line under the name of the running stage, and log it to run.log."""
        self._print(f"[bold]{self.stage:<20}[/bold] " if self.stage else "", text)
        logger.info("%s: %s", self.stage, text)

    def warn(self, text: str) -> None:
        """Print a line that asks for attention, and log it."""
        self._print(f"[yellow]{self.stage:<20} warning:[/yellow] ", text)
        logger.warning("%s: %s", self.stage, text)

    def _print(self, label: str, text: str) -> None:
        self.console.print(label, end="")
        self.console.print(printable(text), markup=False, soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a table: text aligned left, numbers right."""
        table = Table(title=Text(printable(title)), title_justify="left")
        for number, column in enumerate(columns):
            is_text = any(not isinstance(row[number], int | float) for row in rows)
            table.add_column(Text(printable(column)), justify="left" if is_text else "right", overflow="fold")
        for row in rows:
            table.add_row(*(Text(f"{cell:.3f}" if isinstance(cell, float) else printable(str(cell))) for cell in row))
        self.console.print(table)

    @contextmanager
    def progress(self, what: str, total: int, done: int = 0) -> Iterator[Bar]:
        """Show a progress bar, if the console is a terminal."""
        note = bars.TextColumn("{task.fields[note]}", markup=False)
        times = (bars.TimeElapsedColumn(), "left", bars.TimeRemainingColumn())
        columns = ("[bold]{task.description}", bars.BarColumn(24), bars.MofNCompleteColumn(), note, *times)
        hidden = not self.console.is_terminal
        with bars.Progress(*columns, console=self.console, transient=True, disable=hidden) as progress:
            yield Bar(progress, progress.add_task(f"{self.stage:<20} {what}", total=total, completed=done, note=""))


class Parser(argparse.ArgumentParser):
    """A parser of arguments whose messages show what it was given on one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and exit."""
        super().error(printable(message))


class Bar(NamedTuple):
    """A progress bar."""

    progress: bars.Progress
    task: bars.TaskID

    def update(self, done: int | None = None, note: str = "") -> None:
        """Move the bar to `done`, if given, and show a note beside it."""
        self.progress.update(self.task, completed=done, note=printable(note))


class _Lines(logging.Formatter):
    """A line a message, which holds names that other people have given; tracebacks follow as they are."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return printable(super().formatMessage(record))


class _LogFile(logging.FileHandler):
    """A log that goes silent when the disk is full: the files written beside it report that."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def _unraisable(otherwise: Callable[[Any], None], unraisable: Any) -> None:
    """Log complaints about a full disk by files that libraries left open, instead of printing them."""
    if unraisable.exc_value is not None and disk_full(unraisable.exc_value):
        logger.info("while cleaning up: %s", unraisable.exc_value)
    else:
        otherwise(unraisable)


@contextmanager
def logging_to(path: Path, level: str) -> Iterator[None]:
    """Send log records, warnings and the output of libraries on standard error to a file.

    TensorFlow's C++ code writes to file descriptor 2 regardless of Python, so the descriptor itself is redirected;
    ``sys.stderr`` still leads to the terminal, for tracebacks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() or path.is_fifo():
        # A pipe would wait for somebody who reads from it.
        raise InputError(f"{path}: not a file, but a pipe or a folder. Remove it and repeat the command.")
    handler = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_Lines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    sys.stderr.flush()
    terminal, before, hook = os.dup(2), sys.stderr, sys.unraisablehook
    with path.open("a") as file:
        os.dup2(file.fileno(), 2)
    sys.stderr, sys.unraisablehook = os.fdopen(terminal, "w", buffering=1), partial(_unraisable, hook)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        os.dup2(terminal, 2)
        sys.stderr.close()
        sys.stderr = before
        logging.captureWarnings(False)
        root.removeHandler(handler)
        with suppress(OSError):
            handler.close()
