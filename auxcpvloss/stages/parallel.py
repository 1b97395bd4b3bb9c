"""Make results in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auxcpvloss.config import Config
from auxcpvloss.experiment.archive import Notes, place
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import Result
from auxcpvloss.stages.run import Choice, Run
from auxcpvloss.system import workers

if TYPE_CHECKING:
    from auxcpvloss.stages.stage import Stage

Job = tuple[Any, list[Path], str]
"""Key of a job, what of it is to be made, and the volume that it is of."""

Told = list[tuple[str, str]]
"""What there is to tell about earlier results: topics and lines."""


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
    state = (run.experiment.folder, run.experiment.config, run.choice, run.stages, run.notes.begun)
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
    folder: Path,
    config: Config,
    choice: Choice,
    names: tuple[str, ...],
    begun: str,
) -> Callable[[Job], Told]:
    """Make ready, in a process of its own, to do jobs."""
    from auxcpvloss.stages.stage import make

    run = Run(Experiment(folder, config), choice=choice, stages=names, notes=Notes(begun=begun))

    def do(job: Job) -> Told:
        told = len(run.notes.told)
        for result in stage.job(run, job[0]):
            if result.paths[0] in job[1]:
                make(stages[result.stage], result, run)
        return list(run.notes.told.items())[told:]

    return do
