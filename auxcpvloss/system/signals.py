"""What happens when the program is asked to end: by Ctrl-C, or by SIGTERM, as batch systems do.

Stages end where they are, by an exception: what is finished is whole, the rest is made by the next command. A training
finishes its iteration first (`Deferred`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from signal import SIGINT, SIGTERM
from types import FrameType
from typing import Any

STATUS = {SIGTERM: 75, SIGINT: 130}
"""Exit status: 75 (EX_TEMPFAIL of sysexits.h) asks for another try, 130 is what shells say of Ctrl-C."""

GO_ON = "The same command goes on from here."
MESSAGE = {SIGTERM: f"Ended by SIGTERM. {GO_ON}", SIGINT: f"Interrupted. {GO_ON}"}

PATIENCE = 10.0
"""Seconds after which the program ends even if a library swallowed the exception, or takes its time."""

Handler = Callable[[int, FrameType | None], Any]


class Ended(KeyboardInterrupt):
    """The program was asked to end; libraries treat it as a Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(MESSAGE[signal.Signals(number)])
        self.status = STATUS[signal.Signals(number)]


_asked: Ended | None = None
_said = False


def heed() -> None:
    """From now on a signal ends the program by `Ended`, and a second one at once."""
    sys.unraisablehook = _unraisable
    _handle(_end)


def heeding(command: Callable[[], int]) -> int:
    """Run the program, and end as signals ask for; returns the exit status."""
    heed()
    try:
        return command()
    except BaseException:
        # Whatever came of it on its way through the libraries.
        if _asked is None:
            raise
        _say(str(_asked))
        return _asked.status
    finally:
        # The work is done.
        _handle(signal.SIG_IGN)


class Deferred:
    """While this is entered a signal is only noted; on leaving it the program ends by `Ended`.

    Attributes
    ----------
    number : int
        The signal that came; 0 while none did.
    """

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
        """For a while, something that may be interrupted."""
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
        # Where nobody heeds signals (tests, other programs) nothing is to be remembered.
        return _begin_to_end(self.number) if _end in self._before.values() else Ended(self.number)


def _handle(handler: Any) -> dict[int, Any]:
    """Set the handler of the signals that the program was not told to ignore (nohup); gives those of before."""
    heeded = [number for number in STATUS if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in heeded}


def _end(number: int, frame: FrameType | None) -> None:
    # An exception in the middle of an import may be swallowed, or come out as another one.
    if _asked or _is_importing(frame):
        _leave(number)
    raise _begin_to_end(number)


def _begin_to_end(number: int) -> Ended:
    global _asked
    _asked = Ended(number)
    timer = threading.Timer(PATIENCE, _leave, [number])
    timer.daemon = True
    timer.start()
    return _asked


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _unraisable(problem: sys.UnraisableHookArgs) -> None:
    """End the program where the exception came in a place that cannot pass it on."""
    if isinstance(problem.exc_value, Ended):
        _leave(next(number for number, status in STATUS.items() if status == problem.exc_value.status))
    sys.__unraisablehook__(problem)


def _say(message: str) -> None:
    """Tell it once: the program may still have to be ended at once after it told so and began to tidy up."""
    global _said
    if _said:
        return
    _said = True
    with suppress(OSError, ValueError):
        os.write(sys.stderr.fileno(), f"{message}\n".encode())


def _leave(number: int) -> None:
    """End at once, as a kill would, but with a word; workers follow when their pipes close."""
    with suppress(OSError):
        if os.isatty(1):
            # A progress bar hides the cursor.
            os.write(1, b"\x1b[?25h\n")
    _say(MESSAGE[signal.Signals(number)])
    os._exit(STATUS[signal.Signals(number)])
