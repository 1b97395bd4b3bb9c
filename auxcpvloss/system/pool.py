"""Processes that do tasks as these are given, while this process goes on with something else."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Lock
from typing import Any

from auxcpvloss.system.errors import StageError
from auxcpvloss.system.workers import GO_ON, Work, Worker


class Pool:
    """Up to a number of processes; each gets its next task as soon as it has done one.

    Parameters
    ----------
    work : Work
    number : int
        Processes; they are started when there is something to do for them.
    """

    def __init__(self, work: Work, number: int) -> None:
        self._work, self._number = work, number
        self._workers: list[Worker] = []
        self._tasks: list[Any] = []
        self._waiting: deque[int] = deque()
        self._answers: SimpleQueue[tuple[Worker, Any, int]] = SimpleQueue()
        self._open = 0
        # The threads that receive answers deal out tasks, too.
        self._lock = Lock()

    def end(self) -> None:
        """End all processes at once; what they do is left half done."""
        with self._lock:
            self._waiting.clear()
        for each in self._workers:
            each.end()

    def give(self, task: Any) -> None:
        """Have a task done, by a process that has nothing to do as soon as there is one."""
        self._tasks.append(task)
        self._open += 1
        with self._lock:
            self._waiting.append(len(self._tasks) - 1)
            if all(each.positions for each in self._workers) and len(self._workers) < self._number:
                self._workers.append(Worker(self._work, self, 1))
            for each in self._workers:
                self._deal(each)

    def done(self, wait: bool) -> Iterator[tuple[int, Any]]:
        """Give what is done: which of the tasks, counted from 0, and its result.

        Parameters
        ----------
        wait : bool
            Whether to go on until all tasks are done.

        Raises
        ------
        InputError, StageError, OSError
            A process raised it; or it was killed, or had no memory left.
        RuntimeError
            A process raised something else; holds its traceback.
        """
        while self._open and (wait or not self._answers.empty()):
            worker, answer, position = self._answers.get()
            if answer is None:
                reason = worker.how_it_ended(self._work.advice(self._work.keys[:1]))
                raise StageError(f"A process that {self._work.doing(self._tasks[position])} ended: {reason}; {GO_ON}")
            error, result = answer
            if error is not None:
                raise error
            self._open -= 1
            yield position, result

    def put(self, received: tuple[Worker, Any]) -> None:
        """Take the answer of a process, None at its end, and give it the next task."""
        worker, answer = received
        with self._lock:
            # A process may also be killed while it waits for a task: told by its latest one.
            position = worker.positions.popleft() if worker.positions else worker.latest
            if answer is not None and answer[0] is None:
                try:
                    self._deal(worker)
                # For `done`: an error in the thread that calls this would leave it waiting.
                except Exception as error:
                    answer = error, None
        self._answers.put((worker, answer, position))

    def _deal(self, worker: Worker) -> None:
        if self._waiting and not worker.positions:
            position = self._waiting.popleft()
            worker.take(position, self._tasks[position])
