"""In what runs differ that are taken to be alike: what a reader has to know besides."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from auxcpvloss.looking.compare.comparison import Group, Run
from auxcpvloss.looking.compare.grouping import differences


def remarks(groups: Sequence[Group], pairs: Sequence[tuple[Group, Group]]) -> tuple[str, ...]:
    """Say in what runs differ besides what they are compared for."""
    found = []
    for group in groups:
        for run in group.runs[1:]:
            if changed := differences(*_comparable(group.runs[0], run)):
                found.append(
                    f"{group.name}: {group.runs[0].name} and {run.name} differ in more than their seed: {changed}"
                )
        if len({run.seed for run in group.runs}) < len(group.runs):
            found.append(f"{group.name}: runs of the same seed are not independent of each other")
    for baseline, other in pairs:
        one, two = _comparable(baseline.runs[0], other.runs[0])
        if changed := differences(_without_method(one), _without_method(two)):
            found.append(f"{baseline.name} and {other.name} differ in more than the method: {changed}")
    return tuple(found)


def _comparable(one: Run, other: Run) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What both trainings and selections are known to depend on: training volumes only where both say theirs.

    Parameters of post-processing only where both have them, whether they were fixed or chosen.
    """
    both = one.training.keys() & other.training.keys()
    used = _parameters(one) & _parameters(other)
    here, there = ({**{key: run.training[key] for key in both}, **_selected_from(run, used)} for run in (one, other))
    return here, there


def _parameters(run: Run) -> set[str]:
    return {*run.selected_from["validation"], *run.selected_from["postprocessing"]}


def _selected_from(run: Run, used: Collection[str]) -> dict[str, Any]:
    tables = {
        name: {key: value for key, value in run.selected_from[name].items() if key in used}
        for name in ("validation", "postprocessing")
    }
    return {**run.selected_from, **tables}


def _without_method(training: Mapping[str, Any]) -> dict[str, Any]:
    model = {key: value for key, value in training["model"].items() if key != "method" and not key.startswith("loss_")}
    return {**training, "model": model}
