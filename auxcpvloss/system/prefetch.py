"""The next item, made while the caller works with the last one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import Any, TypeVar

T = TypeVar("T")
END = object()


@contextmanager
def prefetching() -> Iterator[Callable[[Iterable[T]], Iterator[T]]]:
    """Give a function that has a thread take items from an iterable, one ahead of the caller.

    The end of the block waits for the thread. What the iterable waits for has to be ended before: by an inner block.
    """
    made: SimpleQueue[tuple[Any, Exception | None]] = SimpleQueue()
    taken, ended = Semaphore(0), Event()
    threads: list[Thread] = []

    def make(items: Iterable[T]) -> None:
        try:
            for item in items:
                made.put((item, None))
                # Its memory is needed for the next but one.
                del item
                taken.acquire()
                if ended.is_set():
                    return
        except Exception as error:
            made.put((END, error))
        else:
            made.put((END, None))

    def take(items: Iterable[T]) -> Iterator[T]:
        threads.append(Thread(target=make, args=(items,), daemon=True))
        threads[-1].start()
        while True:
            item, error = made.get()
            if error is not None:
                raise error
            if item is END:
                return
            taken.release()
            yield item
            del item

    try:
        yield take
    finally:
        ended.set()
        taken.release()
        for thread in threads:
            thread.join()
