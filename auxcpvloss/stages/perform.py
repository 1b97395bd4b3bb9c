"""The loop that makes the results of a stage, in this process or in several."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import Any

from auxcpvloss.experiment.results import Result
from auxcpvloss.stages.jobs import Done, Job, Jobs
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.system.terminal import Bar

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
    known, left_out, goes_on = len(run.left_out), -1, True
    while left_out < len(run.left_out) or goes_on:
        # Once more where a test volume was left out: what is made of all of them is made of the others.
        left_out = len(run.left_out)
        results, more = _perform(stage, run, stages)
        made += more
        goes_on = bool(more) and stage.goes_on(run)
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
    """Make results; gives those that were made: all but those of bad test volumes.

    This process makes those without a job, in order, and begins each job when it comes to it. Other processes do these
    while it goes on, up to a result that waits for them.
    """
    made: list[Result] = []
    jobs = _jobs_of(todo)
    number = stage.workers(run, [job for job in jobs if job[0].job is not None])
    with Jobs(stage, run, stages, number) as going:

        def collect(wait: bool) -> None:
            for done in going.done(wait):
                made.extend(done.made)
                _accept(done, stages[done.job[0].stage], run)
                _move(run, len(made), done.job[0].name)

        for job in jobs:
            if job[0].job is None and job[0].waits:
                collect(wait=True)
            if not stages[job[0].stage].test_volumes(job[0]) & run.left_out.keys():
                _move(run, len(made), job[0].name)
                going.start(job)
                collect(wait=False)
        collect(wait=True)
    return made


def _jobs_of(todo: Sequence[Result]) -> list[Job]:
    """Put together the results of each job, in the place of the first of them; each of the others is alone."""
    jobs: dict[Any, list[Result]] = {}
    for position, result in enumerate(todo):
        jobs.setdefault((position,) if result.job is None else result.job, []).append(result)
    return list(jobs.values())


def _accept(done: Done, stage: Stage, run: Run) -> None:
    """Raise the error of a job; that of a single test volume is no reason to stop."""
    if done.error is not None:
        volumes = stage.test_volumes(done.job[0])
        if len(volumes) != 1:
            raise done.error
        run.leave_out(volumes.pop(), done.error)


def _move(run: Run, done: int, name: str) -> None:
    if run.bar is not None:
        run.bar.update(done, name)
