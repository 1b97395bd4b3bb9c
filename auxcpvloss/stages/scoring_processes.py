"""Label and evaluate predicted volumes, in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.archive import Notes, place
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.methods import Params
from auxcpvloss.metrics.table import value_at
from auxcpvloss.stages.labelling import label_sample
from auxcpvloss.stages.scoring import evaluate_sample
from auxcpvloss.system.workers import Work, results

Plain = tuple[str, int, dict[str, Any], Sample]


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
        What was told of earlier results, see `Notes`.
    """

    value: float
    made: bool
    renewed: Set[Path]
    told: tuple[tuple[str, str], ...]


def score_tasks(experiment: Experiment, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
    """Label and evaluate, in ``validation.num_workers`` processes; gives each result when it is there, in any order.

    Raises
    ------
    InputError
        A volume was not predicted.
    StageError
        A process was killed, or ran out of memory.
    """
    # The class of parameters is made as it is needed, so they travel as plain tables.
    plain = [(task.split, task.checkpoint, task.params.model_dump(), task.sample) for task in tasks]
    if min(experiment.config.validation.num_workers, len(tasks)) <= 1:
        yield from zip(tasks, map(partial(_score, experiment), plain), strict=True)
        return
    # One folder a command for what is stale.
    place(experiment.folder, experiment.notes)
    job = (experiment.folder, experiment.config, experiment.renewed, experiment.notes.begun)
    work = Work(_begin, job, _doing, ("validation.num_workers",))
    with results(work, plain, experiment.config.validation.num_workers) as scored:
        for position, result in scored:
            experiment.renewed.update(result.renewed)
            for topic, line in result.told:
                experiment.notes.tell(line, topic)
            yield tasks[position], result


def _begin(folder: Path, config: Config, renewed: set[Path], begun: str) -> Callable[[Plain], Result]:
    return partial(_score, Experiment(folder, config, renewed, Notes(begun=begun)))


def _doing(task: Plain) -> str:
    return f"scores {task[-1].name}"


def _score(experiment: Experiment, task: Plain) -> Result:
    before, told = frozenset(experiment.renewed), len(experiment.notes.told)
    split, checkpoint, keys, sample = task
    params = experiment.method.params(**keys)
    label_sample(experiment, split, checkpoint, params, sample)
    table, made = evaluate_sample(experiment, split, checkpoint, params, sample)
    news = tuple(experiment.notes.told.items())[told:]
    return Result(float(value_at(table, experiment.metric)), made, experiment.renewed - before, news)
