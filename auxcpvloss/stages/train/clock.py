"""How fast a training is, and how much of its time it waits for batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")
MUCH = 0.2
"""Part of the time that may be waited for batches before people are told what to do."""


def advice(waited: float, workers: int, cores: int) -> str:
    """Say what to do if a training waits for its batches; "" if it does not.

    Parameters
    ----------
    waited : float
        Part of its time, 0..1.
    workers, cores : int
        Processes that make batches, and cores that they may use.
    """
    if waited <= MUCH:
        return ""
    told = f"waited for data {waited:.0%} of the time"
    if workers < cores:
        return f"{told}; raise training.num_workers, now {workers}: {cores} cores can be used"
    return f"{told}, though {workers} processes make batches on {cores} cores; training.profiling shows what takes long"


class Clock:
    """The time of a training, without pauses such as validation. It waits for the first batch anyhow: not counted.

    Parameters
    ----------
    first : int
        Iterations that were done before.
    """

    def __init__(self, first: int) -> None:
        self._first = first
        self._began = self._counted_from = self._line_began = perf_counter()
        self._waited = self._line_waited = 0.0

    def timed(self, stream: Iterable[T]) -> Iterator[T]:
        """Take items from a stream, and count the time until they come."""
        is_first, asked = True, perf_counter()
        for item in stream:
            now = perf_counter()
            if is_first:
                self._counted_from = self._line_began = now
                is_first = False
            else:
                self._waited += now - asked
                self._line_waited += now - asked
            yield item
            del item
            asked = perf_counter()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time of the block."""
        paused = perf_counter()
        yield
        pause = perf_counter() - paused
        self._began += pause
        self._counted_from += pause
        self._line_began += pause

    def speed(self, done: int) -> float:
        """Iterations a second."""
        return (done - self._first) / (perf_counter() - self._began)

    @property
    def waited(self) -> float:
        """Part of the time, 0..1, that the training waited for batches."""
        return self._waited / max(perf_counter() - self._counted_from, 1e-9)

    def waited_for_line(self) -> float:
        """Part of the time since the last call that the training waited."""
        now = perf_counter()
        waited = self._line_waited / max(now - self._line_began, 1e-9)
        self._line_began, self._line_waited = now, 0.0
        return waited
