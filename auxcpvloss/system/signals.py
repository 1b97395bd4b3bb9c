"""End the program when it is asked to: by Ctrl-C (SIGINT), or by a batch system (SIGTERM).

Stages end where they are, by an exception: finished results are complete, and the next command makes the rest. A
training finishes its iteration first (`Deferred`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from signal import SIGINT, SIGTERM
from traceback import walk_stack
from types import FrameType
from typing import Any

STATUS: Mapping[int, int] = {SIGTERM: 75, SIGINT: 130}
"""Exit status: 75 (EX_TEMPFAIL in sysexits.h) asks to try again; shells report Ctrl-C as 130."""

GO_ON = "The same command continues from here."
MESSAGE: Mapping[int, str] = {SIGTERM: f"Ended by SIGTERM. {GO_ON}", SIGINT: f"Interrupted. {GO_ON}"}

PATIENCE = 10.0
"""Seconds after which the program ends even if a library swallowed the exception or is slow to react."""


class Ended(KeyboardInterrupt):
    """The program was asked to end; libraries treat this like Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(MESSAGE[number])
        self.number, self.status = number, STATUS[number]


_asked: Ended | None = None
_said = False


def heeding(command: Callable[[], int]) -> int:
    """Run the program; a signal ends it by `Ended`, a second signal at once. Return the exit status."""
    sys.unraisablehook = _unraisable
    _handle(_end)
    try:
        return command()
    except BaseException:
        # Libraries may have turned `Ended` into any other exception.
        if _asked is None:
            raise
        _say(str(_asked))
        return _asked.status
    finally:
        # The work is done.
        _handle(signal.SIG_IGN)


class Deferred:
    """Context in which a signal is only noted, in `number`; the program ends by `Ended` when it is left."""

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Deferred:
        self._before = _handle(self._note)
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()
        if self.number and error[0] is None:
            raise self._ended()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Allow interruption within this context; end at once if a signal has arrived before."""
        self._restore()
        if self.number:
            raise self._ended()
        try:
            yield
        finally:
            _handle(self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number:
            _leave(number)
        self.number = number

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ended(self) -> Ended:
        # Outside `heeding` (in tests, in other programs) nothing must be remembered.
        return _begin_to_end(self.number) if _end in self._before.values() else Ended(self.number)


def _handle(handler: Any) -> dict[int, Any]:
    """Set the handler of all signals that are not ignored (nohup); return the previous handlers."""
    heeded = [number for number in STATUS if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in heeded}


def _end(number: int, frame: FrameType | None) -> None:
    # During an import, an exception may be swallowed or replaced.
    if _asked or any(each.f_code.co_filename.startswith("<frozen importlib") for each, _ in walk_stack(frame)):
        _leave(number)
    raise _begin_to_end(number)


def _begin_to_end(number: int) -> Ended:
    global _asked
    _asked = Ended(number)
    timer = threading.Timer(PATIENCE, _leave, [number])
    timer.daemon = True
    timer.start()
    return _asked


def _unraisable(problem: sys.UnraisableHookArgs) -> None:
    """End the program if `Ended` was raised where exceptions cannot propagate."""
    if isinstance(problem.exc_value, Ended):
        _leave(problem.exc_value.number)
    sys.__unraisablehook__(problem)


def _say(message: str) -> None:
    """Print a message once, even if the program has to be ended at once after it began to clean up."""
    global _said
    if not _said:
        _said = True
        with suppress(OSError, ValueError):
            os.write(sys.stderr.fileno(), f"{message}\n".encode())


def _leave(number: int) -> None:
    """End at once, as a kill would, but with a message; workers follow when their pipes close."""
    with suppress(OSError):
        if os.isatty(1):
            # A progress bar hides the cursor.
            os.write(1, b"\x1b[?25h\n")
    _say(MESSAGE[number])
    os._exit(STATUS[number])
