"""From runs to all that a comparison finds, and in what else runs differ that are taken to be alike."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auxcpvloss.looking.compare.grouping import differences, find_pairs, make_groups, need_same_evaluation
from auxcpvloss.looking.compare.pooled_f1 import pooled_f1
from auxcpvloss.looking.compare.runs import EvaluatedRun, Group
from auxcpvloss.looking.compare.selected import selection_tables
from auxcpvloss.looking.compare.tables import summary, table_1, table_2, table_3
from auxcpvloss.looking.compare.verdicts import PairVerdict, make_verdicts
from auxcpvloss.looking.compare.volume_groups import number_of_units, with_groups
from auxcpvloss.looking.table import PaperTable
from auxcpvloss.system.errors import InputError


@dataclass(frozen=True)
class RunComparison:
    """All that a comparison found.

    Groups come before the same with auxiliary tasks; `volumes` are the test volumes with ground truth, the same for all
    runs; `matching` is ``evaluation.detection`` of all runs. The tables are ``summary``, ``pooled_f1``, then those of
    the paper that the runs fill, ``table_1`` to ``table_7``. Remarks say in what else runs differ that are taken to be
    alike.
    """

    groups: tuple[Group, ...]
    volumes: tuple[str, ...]
    matching: str
    verdicts: tuple[PairVerdict, ...]
    tables: tuple[PaperTable, ...]
    remarks: tuple[str, ...]

    @property
    def volume_groups(self) -> Mapping[str, str]:
        """Group of each volume (``data.groups``); empty where each is one of its own."""
        return self.groups[0].runs[0].groups

    @property
    def units(self) -> str:
        """What counts as independent, and how many of it: "7 test volumes", "8 groups of test volumes (40 volumes)"."""
        return number_of_units([self.volume_groups.get(name, name) for name in self.volumes])


def compare(runs: Sequence[tuple[str | None, EvaluatedRun]], volume_groups: str = "") -> RunComparison:
    """Compare runs, each with the name of its group or None.

    `volume_groups` is a pattern as for ``data.groups``; without it that of the experiments counts.

    Raises
    ------
    InputError
        They cannot be compared.
    """
    _need_each_once([run for _, run in runs])
    need_same_evaluation([run for _, run in runs])
    grouped = with_groups([run for _, run in runs], volume_groups)
    groups = make_groups([(name, run) for (name, _), run in zip(runs, grouped, strict=True)])
    pairs = find_pairs(groups)
    first = groups[0].runs[0]
    tables = [make(groups) for make in (summary, pooled_f1, table_1, table_2, table_3)]
    return RunComparison(
        groups=groups,
        volumes=tuple(first.scores),
        matching=first.matching,
        verdicts=make_verdicts(pairs, first.matching),
        tables=(*(table for table in tables if table is not None), *selection_tables(groups)),
        remarks=tuple(remarks(groups, pairs)),
    )


def _need_each_once(runs: Sequence[EvaluatedRun]) -> None:
    folders = [run.folder for run in runs]
    for folder in folders:
        if folders.count(folder) > 1:
            raise InputError(f"{folder}: given {folders.count(folder)} times; give each experiment once.")


def remarks(groups: Sequence[Group], pairs: Sequence[tuple[Group, Group]]) -> Iterator[str]:
    """Say in what runs differ besides what they are compared for, and which volumes say nothing."""
    if without := groups[0].runs[0].without_nuclei:
        yield f"{', '.join(without)}: no nuclei to be found, so there is no AP; left out of all means"
    for group in groups:
        for run in group.runs[1:]:
            if changed := differences(*_comparable(group.runs[0], run)):
                yield f"{group.name}: {group.runs[0].name} and {run.name} differ in more than their seed: {changed}"
        if len({run.seed for run in group.runs}) < len(group.runs):
            yield f"{group.name}: runs of the same seed are not independent of each other"
    for program in dict.fromkeys(group.runs[0].program for group in groups if group.runs[0].program):
        yield f"{program}: imported results; on which volumes, and for how long, it was trained is not known here"
    for baseline, other in pairs:
        if baseline.runs[0].program:
            continue
        one, two = _comparable(baseline.runs[0], other.runs[0])
        if changed := differences(_without_method(one), _without_method(two)):
            yield f"{baseline.name} and {other.name} differ in more than the method: {changed}"


def _comparable(one: EvaluatedRun, other: EvaluatedRun) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What both trainings and selections are known to depend on: training volumes only where both say theirs.

    Parameters of post-processing only where both have them, whether they were fixed or chosen.
    """
    both = one.training.keys() & other.training.keys()
    used = _parameters(one) & _parameters(other)
    here, there = ({**{key: run.training[key] for key in both}, **_selected_from(run, used)} for run in (one, other))
    return here, there


def _parameters(run: EvaluatedRun) -> set[str]:
    return {*run.selected_from["validation"], *run.selected_from["postprocessing"]}


def _selected_from(run: EvaluatedRun, used: Collection[str]) -> dict[str, Any]:
    tables = {
        name: {key: value for key, value in run.selected_from[name].items() if key in used}
        for name in ("validation", "postprocessing")
    }
    return {**run.selected_from, **tables}


def _without_method(training: Mapping[str, Any]) -> dict[str, Any]:
    model = {key: value for key, value in training["model"].items() if key != "method" and not key.startswith("loss_")}
    return {**training, "model": model}
