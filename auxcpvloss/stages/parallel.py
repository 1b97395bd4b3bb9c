"""Make results in several processes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auxcpvloss.experiment.archive import Notes, place
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import Result
from auxcpvloss.stages.run import Run
from auxcpvloss.system.errors import InputError, StageError
from auxcpvloss.system.faults import out_of_memory
from auxcpvloss.system.processes import end_with_parent, how_it_ended, start_worker

if TYPE_CHECKING:
    from auxcpvloss.stages.stage import Stage

NO_MEMORY = (
    "Memory ran out in a process that scores {}. Lower validation.num_workers; what was scored is kept, and the same "
    "command goes on from there."
)

Job = tuple[Any, list[Path], str]
"""Key of a job, what of it is to be made, and the volume that it is of."""


def in_parallel(stage: Stage, results: Sequence[Result], run: Run, stages: Mapping[str, Stage]) -> Iterator[Result]:
    """Make the results of jobs, in any order; gives each when it is there.

    Each process has a pipe of its own and gets the next job when it is done with one; one that is killed shows at the
    end of its pipe. (In concurrent.futures such a death can block the others for good.)

    Raises
    ------
    InputError
        A result cannot be made as things are.
    StageError
        A process was killed.
    """
    grouped = [(key, list(group)) for key, group in groupby(results, key=lambda each: each.job)]
    jobs: dict[Any, list[Result]] = dict(grouped)
    # One folder a command for what is stale.
    place(run.experiment.folder, run.notes)
    workers: list[_Worker] = []
    try:
        for _ in range(min(stage.workers(run), len(jobs))):
            workers.append(_Worker(stage, run, stages))
        waiting = iter([(key, [each.paths[0] for each in of], of[0].name) for key, of in jobs.items()])
        busy = {worker.connection: worker for worker in workers if worker.begin(next(waiting, None))}
        while busy:
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                key, told = worker.finish()
                for topic, line in told:
                    run.notes.tell(line, topic)
                yield from jobs[key]
                if not worker.begin(next(waiting, None)):
                    del busy[worker.connection]
    finally:
        for worker in workers:
            worker.stop()


class _Worker:
    """A process that makes the results of jobs."""

    def __init__(self, stage: Stage, run: Run, stages: Mapping[str, Stage]) -> None:
        # Not forked: a forked copy of a process that has started TensorFlow hangs.
        context = get_context("spawn")
        self.connection, other = context.Pipe()
        state = (stage, stages, run.experiment.folder, run.experiment.config, run.choice, run.stages, run.notes.begun)
        self._process = context.Process(target=_work, args=(other, *state))
        start_worker(self._process)
        # Held by the worker alone, so that its death closes the pipe.
        other.close()
        self._job: Job | None = None

    def begin(self, job: Job | None) -> bool:
        """Hand over a job; False where there is none."""
        self._job = job
        if job is not None:
            # A dead process shows when its result is wanted.
            with suppress(OSError):
                self.connection.send(job)
        return job is not None

    def finish(self) -> tuple[Any, Sequence[tuple[str, str]]]:
        """Give the key of the job, and what there was to tell about earlier results: topics and lines."""
        assert self._job is not None
        key, _, name = self._job
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            self._process.join(timeout=10)
            reason = how_it_ended(self._process.exitcode, "validation.num_workers")
            raise StageError(
                f"A process that scores {name} ended: {reason}. What was scored is kept; the same command goes on from "
                "there."
            ) from None
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            raise RuntimeError(f"{name} could not be scored:\n{answer}")
        return key, answer

    def stop(self) -> None:
        """End the process; one in the middle of a task is killed, and half a file that it leaves has another name."""
        self.connection.close()
        if self._job is None:
            self._process.join(timeout=10)
        self._process.kill()
        self._process.join()


def _work(connection: Connection, stage: Stage, stages: Mapping[str, Stage], folder: Path, *state: Any) -> None:
    """Make the results of jobs until there is nobody who hands over any."""
    end_with_parent()
    # No library is to start it by the way: it takes seconds, and memory of a GPU.
    sys.modules["tensorflow"] = None  # type: ignore[assignment]
    config, choice, names, begun = state
    run = Run(Experiment(folder, config), choice=choice, stages=names, notes=Notes(begun=begun))
    try:
        while True:
            connection.send(_answer(stage, stages, run, *connection.recv()))
    except EOFError:
        return
    except OSError:
        # The stage was killed. Without a word, and without waiting for threads of libraries.
        os._exit(0)


def _answer(stage: Stage, stages: Mapping[str, Stage], run: Run, key: Any, paths: list[Path], name: str) -> Any:
    """Do a job; gives what there is to tell, or what kept it from being done: a traceback if that is our own fault."""
    from auxcpvloss.stages.stage import make

    told = len(run.notes.told)
    try:
        for result in stage.job(run, key):
            if result.paths[0] in paths:
                make(stages[result.stage], result, run)
        return tuple(run.notes.told.items())[told:]
    except (InputError, StageError, OSError) as error:
        return error
    except Exception as error:
        return StageError(NO_MEMORY.format(name)) if out_of_memory(error) else traceback.format_exc()
