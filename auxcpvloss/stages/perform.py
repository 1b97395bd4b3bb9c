"""The loop that makes the results of a stage, in this process or in several."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from pathlib import Path
from time import perf_counter
from typing import Any

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import Result, record_beside
from auxcpvloss.experiment.superseded import Notes, place
from auxcpvloss.stages.run import Choice, Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.system import workers
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.terminal import Bar

Job = tuple[Any, list[Path], str]
"""Key of a job, the results to make, and their volume."""

Told = list[tuple[str, str]]
"""Messages about earlier results: topics and lines."""

logger = logging.getLogger(__name__)


def perform(stage: Stage, run: Run, stages: Mapping[str, Stage]) -> None:
    """Make those results of a stage that are not whole, each by the stage that it is of.

    Parameters
    ----------
    stage : Stage
    run : Run
    stages : mapping of name to Stage
    """
    run.terminal.stage = stage.name
    began = perf_counter()
    stage.begin(run)
    made: list[Result] = []
    known, left_out = len(run.left_out), -1
    while left_out < len(run.left_out):
        # Once more where a test volume was left out: what is made of all of them is made of the others.
        left_out = len(run.left_out)
        results, more = _perform(stage, run, stages)
        made += more
    for name, why in list(run.left_out.items())[known:]:
        run.terminal.warn(f"{name} is left out: {why.splitlines()[0]}")
    stage.say(run, Tally(results, made))
    run.forget()
    logger.info("%s took %.1f s", stage.name, perf_counter() - began)


def _perform(stage: Stage, run: Run, stages: Mapping[str, Stage]) -> tuple[list[Result], list[Result]]:
    """Make what is not whole; gives all results, and those that were made."""
    results = list(stage.results(run))
    todo = [each for each in results if not run.is_current(each, stages[each.stage].libraries)]
    todo = list(stage.confirm(todo, run))
    # Of those that are whole, too: their file may have been lost.
    for result in results:
        run.records.keep(result.record)
    run.records.save()
    with _bar(stage, run, len(results), len(results) - len(todo)) as run.bar:
        return results, _make_all(stage, todo, run, stages)


def _bar(stage: Stage, run: Run, total: int, done: int) -> AbstractContextManager[Bar | None]:
    return run.terminal.progress(stage.counted, total, done) if stage.counted else nullcontext()


def _make_all(stage: Stage, todo: Sequence[Result], run: Run, stages: Mapping[str, Stage]) -> list[Result]:
    """Make results in order, those that have jobs by several processes; gives all but those of bad test volumes."""
    done, made = 0, []
    for has_job, group in groupby(todo, key=lambda each: each.job is not None):
        results = list(group)
        if has_job and stage.workers(run) > 1:
            for result in in_parallel(stage, results, run, stages):
                run.forget(result)
                done += 1
                _move(run, done, result)
            made += results
            continue
        for result in results:
            _move(run, done, result)
            if _could_make(stages[result.stage], result, run):
                made.append(result)
            done += 1
    return made


def _could_make(stage: Stage, result: Result, run: Run) -> bool:
    """Make a result; one of a single test volume that cannot be is no reason to stop."""
    volumes = stage.test_volumes(result)
    if volumes & run.left_out.keys():
        return False
    try:
        make(stage, result, run)
    except InputError as error:
        if len(volumes) != 1:
            raise
        run.leave_out(volumes.pop(), error)
        return False
    return True


def _move(run: Run, done: int, result: Result) -> None:
    if run.bar is not None:
        run.bar.update(done, result.name)


def make(stage: Stage, result: Result, run: Run) -> None:
    """Make a result that is not whole, what was there being set aside."""
    stage.check(result, run)
    if stage.makes_way:
        run.make_way(result)
    stage.make(result, run)
    if result.is_beside:
        record_beside(result, stage.made_with())
    run.forget(result)


def in_parallel(stage: Stage, results: Sequence[Result], run: Run, stages: Mapping[str, Stage]) -> Iterator[Result]:
    """Make the results of jobs, in any order; gives each when it is there.

    Raises
    ------
    InputError
        A result cannot be made as things are.
    StageError
        A process was killed, or had no memory left.
    """
    of = {key: list(group) for key, group in groupby(results, key=lambda each: each.job)}
    jobs: list[Job] = [(key, [each.paths[0] for each in group], group[0].name) for key, group in of.items()]
    # One folder a command for what is stale.
    place(run.experiment.folder, run.notes)
    state = (run.experiment, run.choice, run.stages, run.notes.begun)
    work = workers.Work(_begin, (stage, stages, *state), _doing, ("validation.num_workers",))
    with workers.results(work, jobs, stage.workers(run)) as done:
        for position, told in done:
            for topic, line in told:
                run.notes.tell(line, topic)
            yield from of[jobs[position][0]]


def _doing(job: Job) -> str:
    return f"scores {job[2]}"


def _begin(
    stage: Stage,
    stages: Mapping[str, Stage],
    experiment: Experiment,
    choice: Choice,
    names: tuple[str, ...],
    begun: str,
) -> Callable[[Job], Told]:
    """Make ready, in a process of its own, to do jobs."""
    run = Run(experiment, choice=choice, stages=names, notes=Notes(begun=begun))

    def do(job: Job) -> Told:
        told = len(run.notes.told)
        for result in stage.job(run, job[0]):
            if result.paths[0] in job[1]:
                make(stages[result.stage], result, run)
        return list(run.notes.told.items())[told:]

    return do
