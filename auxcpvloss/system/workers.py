"""Work for several processes: tasks are dealt out, results come back in order or as they are made."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from queue import SimpleQueue
from signal import SIGKILL, Signals
from threading import Thread
from typing import Any, Protocol

from auxcpvloss.system.errors import InputError, StageError
from auxcpvloss.system.faults import out_of_memory
from auxcpvloss.system.shared_memory import Inbox, Outbox
from auxcpvloss.system.signals import STATUS

GO_ON = "finished results are kept, and the same command continues from there."


@dataclass(frozen=True)
class Work:
    """What processes do."""

    begin: Callable[..., Callable[[Any], Any]]
    """(*arguments) -> (task -> result); a function of a module, called once in each process."""
    arguments: tuple[Any, ...]
    doing: Callable[[Any], str]
    """Task -> description for messages: "scores volume a"."""
    keys: tuple[str, ...]
    """Keys to lower if memory runs out; the first one sets the number of processes."""
    needs: str = ""
    """What the memory is needed for, for the same message."""

    def advice(self, keys: Iterable[str]) -> str:
        """Say what to do if memory ran out."""
        return f"lower {' or '.join(keys)}{f' ({self.needs})' if self.needs else ''}"


@contextmanager
def results(
    work: Work, tasks: Sequence[Any], number: int, ahead: int = 1, ordered: bool = False
) -> Iterator[Iterator[tuple[int, Any]]]:
    """Have a number of processes do tasks; gives the position of each task with its result.

    Each process has `ahead` tasks that are dealt out, or done and not asked for yet. Results come in the order of the
    tasks if `ordered`, and otherwise in the order in which they are made.

    Raises
    ------
    InputError, StageError, OSError
        While iterating: a process raised it; or it was killed, or had no memory left.
    RuntimeError
        A process raised something else; holds its traceback.
    """
    workers: list[Worker] = []
    answers: SimpleQueue[tuple[Worker, Any] | None] = SimpleQueue()
    waiting = enumerate(tasks)

    def deal(more: int) -> None:
        for position, task in islice(waiting, more):
            min(workers, key=lambda each: len(each.positions)).take(position, task)

    def collect() -> Iterator[tuple[int, Any]]:
        made: dict[int, Any] = {}
        for wanted in range(len(tasks)):
            while not made or (ordered and wanted not in made):
                received = answers.get()
                if received is None:
                    # A thread that still iterates ends here.
                    return
                worker, answer = received
                if answer is None:
                    # Each has been given at least one task; a process may also be killed while it waits for the next.
                    task = tasks[worker.positions[0] if worker.positions else worker.latest]
                    reason = worker.how_it_ended(work.advice(work.keys[:1]))
                    raise StageError(f"A process that {work.doing(task)} ended: {reason}; {GO_ON}")
                if isinstance(answer[0], Exception):
                    raise answer[0]
                made[worker.positions.popleft()] = answer[1]
            position = wanted if ordered else next(iter(made))
            result = made.pop(position)
            deal(1)
            yield position, result

    try:
        for _ in range(min(number, len(tasks))):
            workers.append(Worker(work, answers, ahead))
        deal(ahead * len(workers))
        yield collect()
    finally:
        answers.put(None)
        for each in workers:
            each.end()


class Answers(Protocol):
    """Takes what processes answer."""

    def put(self, answer: tuple[Worker, Any], /) -> None:
        """Take (error, result) of a process, or None at its end; called in the thread that receives it."""


class Worker:
    """A process with a pipe of its own, and a thread that receives its answers while others compute.

    A process that is killed, as by a system that is short of memory, shows at the end of its pipe. (In
    concurrent.futures the workers share one, and such a death can block it for good.) Arrays do not pass the pipe, see
    `shared_memory`.
    """

    def __init__(self, work: Work, answers: Answers, ahead: int) -> None:
        # Not forked: a forked copy of a process that has started TensorFlow hangs.
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._inbox = Inbox(ahead)
        self._process = context.Process(target=_serve, args=(theirs, work, self._inbox.slots))
        self.positions: deque[int] = deque()
        self.latest = -1
        # Ctrl-C and batch systems signal the whole group of processes. A worker inherits that signals are blocked, so
        # that not even its imports are disturbed. Starting the tracker of multiprocessing would unblock them.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STATUS)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        # Held by the worker alone, so that its death closes the pipe.
        theirs.close()
        # As with tasks: a dead process shows later.
        with suppress(OSError):
            if self._inbox.slots:
                send_handle(self._connection, self._inbox.file, self._process.pid)
        self._thread = Thread(target=self._receive, args=(answers,), daemon=True)
        self._thread.start()

    def take(self, position: int, task: Any) -> None:
        """Have it do a task."""
        self.positions.append(position)
        self.latest = position
        # A dead process shows when its result is wanted.
        with suppress(OSError):
            self._connection.send((task, self._inbox.freed()))

    def how_it_ended(self, advice: str) -> str:
        """Say why it ended, and what to do about it."""
        self._process.join(timeout=10)
        code = self._process.exitcode or 0
        if code == -SIGKILL:
            return f"killed by the system (SIGKILL), most likely because memory ran out; {advice}"
        return f"killed by {Signals(-code).name}" if code < 0 else f"exit status {code}; see its last lines in run.log"

    def end(self) -> None:
        """End at once: half a file that is left has another name."""
        self._process.kill()
        self._process.join()
        self._thread.join()
        self._connection.close()
        self._inbox.close()

    def _receive(self, answers: Answers) -> None:
        """Pass on (error, result), and None at the end of the pipe."""
        answer: Any = ()
        while answer is not None:
            try:
                try:
                    error, result = self._connection.recv()
                except (EOFError, OSError):
                    answer = None
                else:
                    answer = error, self._inbox.unpack(result)
            except Exception as error:
                answer = error, None
            answers.put((self, answer))


def _serve(connection: Connection, work: Work, slots: int) -> None:
    """Do tasks until one fails, or nobody wants them done any more."""
    Thread(target=_end_with_parent, daemon=True).start()
    # Libraries import it where they find it: seconds, and memory of a GPU, for something never used here.
    sys.modules["tensorflow"] = None  # type: ignore[assignment]
    doing = "begins to work"
    try:
        outbox = Outbox(recv_handle(connection) if slots else -1, slots)
        function = work.begin(*work.arguments)
        while True:
            task, freed = connection.recv()
            outbox.reclaim(freed)
            doing = work.doing(task)
            connection.send((None, outbox.pack(function(task))))
    except Exception as error:
        if not isinstance(error, InputError | StageError):
            if out_of_memory(error):
                error = StageError(f"Memory ran out in a process that {doing}; {work.advice(work.keys)}; {GO_ON}")
            elif not isinstance(error, OSError):
                error = RuntimeError(f"a process that {doing} failed:\n{traceback.format_exc()}")
        with suppress(OSError):
            connection.send((error, None))


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        # Without waiting for threads of libraries.
        os._exit(0)
