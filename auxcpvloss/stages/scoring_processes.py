"""Label and evaluate predicted volumes, in several processes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path

from auxcpvloss.config import Config
from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.archive import Notes, place
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.methods import Params
from auxcpvloss.metrics.table import value_at
from auxcpvloss.stages.labelling import label_sample
from auxcpvloss.stages.scoring import evaluate_sample
from auxcpvloss.system.errors import InputError, StageError
from auxcpvloss.system.faults import out_of_memory
from auxcpvloss.system.processes import end_with_parent, how_it_ended, start_worker

NO_MEMORY = (
    "Memory ran out in a process that scores {}. Lower validation.num_workers; what was scored is kept, and the same "
    "command goes on from there."
)


@dataclass(frozen=True)
class Task:
    """A predicted volume to label and to score."""

    split: str
    checkpoint: int
    params: Params
    sample: Sample


@dataclass(frozen=True)
class Result:
    """What became of a task.

    Attributes
    ----------
    value : float
        The metric on the volume.
    made : bool
        Whether it was scored now.
    renewed : set of Path
        What was overwritten for it, see `Experiment.renew`.
    told : tuple of (topic, line)
        What there was to tell about earlier results, see `Notes`.
    """

    value: float
    made: bool
    renewed: Set[Path] = frozenset()
    told: tuple[tuple[str, str], ...] = ()


def score_tasks(experiment: Experiment, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
    """Label and evaluate, in ``validation.num_workers`` processes; gives each result when it is there, in any order.

    Each process has a pipe of its own and gets the next task when it is done with one; one that is killed shows at
    the end of its pipe. (In concurrent.futures such a death can block the others for good.)

    Raises
    ------
    InputError
        A volume was not predicted.
    StageError
        A process was killed.
    """
    count = min(experiment.config.validation.num_workers, len(tasks))
    if count <= 1:
        for task in tasks:
            yield task, _score(experiment, task)
        return
    # One folder a command for what is stale.
    place(experiment.folder, experiment.notes)
    workers: list[_Worker] = []
    try:
        for _ in range(count):
            workers.append(_Worker(experiment))
        waiting = iter(tasks)
        busy = {worker.connection: worker for worker in workers if worker.begin(next(waiting, None))}
        while busy:
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                task, result = worker.finish()
                experiment.renewed.update(result.renewed)
                for topic, line in result.told:
                    experiment.notes.tell(line, topic)
                yield task, result
                if not worker.begin(next(waiting, None)):
                    del busy[worker.connection]
    finally:
        for worker in workers:
            worker.stop()


def _score(experiment: Experiment, task: Task) -> Result:
    label_sample(experiment, task.split, task.checkpoint, task.params, task.sample)
    table, made = evaluate_sample(experiment, task.split, task.checkpoint, task.params, task.sample)
    return Result(float(value_at(table, experiment.metric)), made)


class _Worker:
    """A process that labels and scores."""

    def __init__(self, experiment: Experiment) -> None:
        # Not forked: a forked copy of a process that has started TensorFlow hangs.
        context = get_context("spawn")
        self.connection, other = context.Pipe()
        job = (experiment.folder, experiment.config, experiment.renewed, experiment.notes.begun)
        self._process = context.Process(target=_work, args=(other, *job))
        start_worker(self._process)
        # Held by the worker alone, so that its death closes the pipe.
        other.close()
        self._task: Task | None = None

    def begin(self, task: Task | None) -> bool:
        """Hand over a task; False where there is none."""
        self._task = task
        if task is not None:
            # A dead process shows when its result is wanted.
            with suppress(OSError):
                # The class of parameters is made as it is needed, so they travel as plain tables.
                self.connection.send((task.split, task.checkpoint, task.params.model_dump(), task.sample))
        return task is not None

    def finish(self) -> tuple[Task, Result]:
        """Take the result of the task."""
        assert self._task is not None
        try:
            result = self.connection.recv()
        except (EOFError, OSError):
            self._process.join(timeout=10)
            reason = how_it_ended(self._process.exitcode, "validation.num_workers")
            raise StageError(
                f"A process that scores {self._task.sample.name} ended: {reason}. What was scored is kept; the same "
                "command goes on from there."
            ) from None
        if isinstance(result, Exception):
            raise result
        if isinstance(result, str):
            raise RuntimeError(f"{self._task.sample.name} could not be scored:\n{result}")
        return self._task, result

    def stop(self) -> None:
        """End the process; one in the middle of a task is killed, and half a file that it leaves has another name."""
        self.connection.close()
        if self._task is None:
            self._process.join(timeout=10)
        self._process.kill()
        self._process.join()


def _answer(experiment: Experiment, task: Task) -> Result | Exception | str:
    """Give the result, or what kept it from being made: a traceback if that is our own fault."""
    before, told = frozenset(experiment.renewed), len(experiment.notes.told)
    try:
        result = _score(experiment, task)
        news = tuple(experiment.notes.told.items())[told:]
        return replace(result, renewed=experiment.renewed - before, told=news)
    except (InputError, StageError, OSError) as error:
        return error
    except Exception as error:
        return StageError(NO_MEMORY.format(task.sample.name)) if out_of_memory(error) else traceback.format_exc()


def _work(connection: Connection, folder: Path, config: Config, renewed: set[Path], begun: str) -> None:
    """Label and score until there is nobody who hands over tasks."""
    end_with_parent()
    # No library is to start it by the way: it takes seconds, and memory of a GPU.
    sys.modules["tensorflow"] = None  # type: ignore[assignment]
    experiment = Experiment(folder, config, renewed, Notes(begun=begun))
    try:
        while True:
            split, checkpoint, params, sample = connection.recv()
            task = Task(split, checkpoint, experiment.method.params(**params), sample)
            connection.send(_answer(experiment, task))
    except EOFError:
        return
    except OSError:
        # The stage was killed. Without a word, and without waiting for threads of libraries.
        os._exit(0)
