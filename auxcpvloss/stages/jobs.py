"""Jobs: results that are made together, in this process or in one of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import Result, record_beside
from auxcpvloss.experiment.superseded import Notes, place
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lazy import lazily
from auxcpvloss.system.pool import Pool
from auxcpvloss.system.workers import Work

zarr = lazily("zarr")

Job = Sequence[Result]


class Done(NamedTuple):
    """What became of a job: the results that were made, and why the next one was not; None where all were."""

    job: Job
    made: Sequence[Result]
    error: InputError | None


class _Answer(NamedTuple):
    """What another process says of a job: places of the results that it made, messages by topic, and the error."""

    made: Sequence[int]
    told: Sequence[tuple[str, str]]
    error: InputError | None


class Jobs:
    """Makes results: those of jobs in a number of processes, the others, and with 1 all of them, in this one.

    Parameters
    ----------
    stage : Stage
    run : Run
    stages : mapping of name to Stage
        Each makes the results that are of it.
    number : int
    """

    def __init__(self, stage: Stage, run: Run, stages: Mapping[str, Stage], number: int) -> None:
        self._stage, self._run, self._stages = stage, run, stages
        self._given: list[Job] = []
        self._here: list[Done] = []
        self._pool: Pool | None = None
        if number > 1:
            # One folder a command for what is stale.
            place(run.experiment.folder, run.notes)
            state = (stage, stages, run.experiment, run.notes.begun)
            self._pool = Pool(Work(_begin, state, _doing, ("validation.num_workers",)), number)

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.end()

    def start(self, job: Job) -> None:
        """Make results that go together; what they need is there."""
        if self._pool is not None and job[0].job is not None:
            self._given.append(job)
            self._pool.give(job)
        else:
            made, error = _do(self._stage, job, self._run, self._stages)
            self._here.append(Done(job, [job[each] for each in made], error))

    def done(self, wait: bool) -> Iterator[Done]:
        """Give what has become of jobs since; with `wait` of all.

        Raises
        ------
        StageError
            A process was killed, or had no memory left.
        """
        while self._here:
            yield self._recorded(self._here.pop(0))
        if self._pool is not None:
            for position, answer in self._pool.done(wait):
                for topic, line in answer.told:
                    self._run.notes.tell(line, topic)
                job = self._given[position]
                yield self._recorded(Done(job, [job[each] for each in answer.made], answer.error))

    def _recorded(self, done: Done) -> Done:
        for result in done.made:
            # Here, since several processes must not write to the same ledger.
            if result.is_beside:
                record_beside(result, self._stages[result.stage].made_with())
            self._run.forget(result)
        return done


def make(stage: Stage, result: Result, run: Run) -> None:
    """Make a result that is not whole, what was there being set aside."""
    stage.check(result, run)
    if stage.makes_way:
        run.make_way(result)
    stage.make(result, run)
    run.forget(result)


def _do(stage: Stage, job: Job, run: Run, stages: Mapping[str, Stage]) -> tuple[list[int], InputError | None]:
    """Make the results of a job; gives the places of those that were made, and why the next one cannot be."""
    places, made = {result.paths: place for place, result in enumerate(job)}, list[int]()

    def make_one(result: Result) -> Result:
        make(stages[result.stage], result, run)
        return result

    try:
        for result in map(make_one, job) if job[0].job is None else stage.do_job(job, run, make_one):
            made.append(places[result.paths])
    except InputError as error:
        return made, error
    return made, None


def _doing(job: Job) -> str:
    return f"scores {job[0].name}"


def _begin(stage: Stage, stages: Mapping[str, Stage], experiment: Experiment, begun: str) -> Callable[[Job], _Answer]:
    """Make ready, in a process of its own, to do jobs."""
    run = Run(experiment, notes=Notes(begun=begun))
    # There is a process for every core.
    zarr.blosc.set_nthreads(1)

    def do(job: Job) -> _Answer:
        told = len(run.notes.told)
        made, error = _do(stage, job, run, stages)
        return _Answer(made, list(run.notes.told.items())[told:], error)

    return do
