"""Make the instances and scores of a volume with many sets of parameters: what they share is computed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from auxcpvloss.data.untrusted.limits import available_memory
from auxcpvloss.experiment.results import Result
from auxcpvloss.methods import Params
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume import instances, scores
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.processors import usable_cores

NEEDED = 80
"""Bytes a voxel that a process takes: a prediction, what is made of it on the way, the result and the truth."""

WORTH_WHILE = 2 * 10**8
"""Voxels, counted once a result, that take longer than processes take to start."""


def make_together(results: Sequence[Result], run: Run) -> Iterator[Result]:
    """Make instances and scores of one volume, the scores of instances in memory; gives each when it is there."""
    by_set: dict[Params, list[Result]] = {}
    for result in results:
        by_set.setdefault(result.subject.params, []).append(result)
    for params, found in instances.instances_with(run, results[0].subject, list(by_set)):
        _set_aside_others(run, results[0].subject.with_params(params))
        for result in by_set[params]:
            run.make_way(result)
            if result.stage == instances.NAME:
                instances.write_instances(result, found)
            else:
                scores.write_scores(result, run, scores.compared(run, result.subject, found))
            run.forget(result)
            yield result


def _set_aside_others(run: Run, subject: Subject) -> None:
    """Move instances away that an earlier command kept and that are not those that are scored now."""
    kept = instances.instances_of(run, subject)
    if run.state(kept).kind in ("stale", "broken"):
        for path in kept.paths:
            run.set_aside(path)
        run.forget(kept)


def number_of_processes(run: Run, jobs: Sequence[Sequence[Result]]) -> int:
    """Give validation.num_workers, or else as many processes as have work, a core and memory each."""
    if wanted := run.experiment.config.validation.num_workers:
        return wanted
    samples = [job[0].subject.sample for job in jobs]
    # What is predicted may have other voxels than the files, and so what is scored.
    sizes = [max(prod(sample.shape), prod(sample.original.shape)) for sample in samples]
    if sum(size * len(job) for size, job in zip(sizes, jobs, strict=True)) < WORTH_WHILE:
        return 1
    fitting = available_memory() // (NEEDED * max(sizes))
    return max(1, min(len(jobs), usable_cores(), fitting))
