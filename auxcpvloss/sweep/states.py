"""How far the runs of a sweep are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auxcpvloss.experiment.selection_file import selection_record
from auxcpvloss.stages.order import wanted
from auxcpvloss.stages.run import Choice, Run
from auxcpvloss.stages.status import rows
from auxcpvloss.sweep.runs import SweepRun

COLUMNS = ("run", "iteration", "score")


def stages_of(run: SweepRun, stages: Sequence[str]) -> tuple[str, ...]:
    """Give the stages that a run consists of, in order."""
    return wanted(stages, Choice(), False, run.experiment.method, run.config.scheme.stages)


def states(run: SweepRun) -> Mapping[str, str]:
    """Say how what each stage has made is: ``whole``, or, where not all is alike, each kind with its number."""
    kinds: dict[str, list[str]] = {}
    for row in rows(Run(run.experiment, planning=True)):
        kinds.setdefault(row.stage, []).append(row.state.kind)
    return {stage: _in_words(found) for stage, found in kinds.items()}


def _in_words(kinds: Sequence[str]) -> str:
    each = dict.fromkeys(kinds)
    return kinds[0] if len(each) == 1 else ", ".join(f"{kinds.count(kind)} {kind}" for kind in each)


def is_done(run: SweepRun, stages: Sequence[str]) -> bool:
    """Whether all that the stages make of a run is there, and as its configuration says."""
    found = states(run)
    return all(found.get(stage) == "whole" for stage in stages_of(run, stages))


def line(run: SweepRun, stages: Sequence[str]) -> list[str]:
    """Give the cells of a run: `COLUMNS`, then how what each of the stages has made is."""
    found, selected = states(run), selection_record(run.experiment)
    newest = max(run.experiment.checkpoints.iterations(), default=0)
    score = f"{selected['score']:.3f}" if selected else "-"
    return [run.name, f"{newest} of {run.config.training.max_iterations}", score, *(found.get(s, "-") for s in stages)]
