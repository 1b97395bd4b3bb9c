"""From runs to groups, and from groups to pairs; refuses runs that cannot be compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from textwrap import shorten
from typing import Any

from auxcpvloss.experiment.fingerprint import SHOWN, Records
from auxcpvloss.experiment.record_keys import relevant
from auxcpvloss.looking.compare.runs import EvaluatedRun, Group
from auxcpvloss.methods import BASES
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.names import checked_name

ORDER = ("sdt", "threeclass", "affinities", "gauss")
"""Order of the methods in the tables of the paper; each precedes its variants with auxiliary tasks."""


def parse_folder(text: str) -> tuple[str | None, Path]:
    """Take an argument apart: ``FOLDER``, or ``NAME=FOLDER`` to name the group of a run.

    Raises
    ------
    InputError
        The name cannot be one.
    """
    name, equals, folder = text.partition("=")
    if not equals or Path(text).exists():
        return None, Path(text)
    return checked_name(name, f"{text}: the name of a group"), Path(folder)


def make_groups(runs: Sequence[tuple[str | None, EvaluatedRun]]) -> tuple[Group, ...]:
    """Put runs of the same name together; those without a name by method and by how they were validated.

    Groups are in the order of the paper; if any has a name of its own, in that of the arguments.

    Raises
    ------
    InputError
        The same training twice in a group, or several methods.
    """
    groups: dict[tuple[str, str], list[EvaluatedRun]] = {}
    for name, run in runs:
        groups.setdefault((name, "") if name else (run.method, _variant(run)), []).append(run)
    found = [Group(*name, tuple(members)) for name, members in groups.items()]
    for group in found:
        _need_one_method(group)
    if any(name for name, _ in runs):
        return tuple(found)
    return tuple(sorted(found, key=_place))


def _need_one_method(group: Group) -> None:
    for one, other in combinations(group.runs, 2):
        if one.method != other.method:
            raise InputError(
                f"{group.name}: {one.folder} uses the method {one.method}, {other.folder} {other.method}; the runs "
                "of a group may differ only in their seed."
            )
        if one.weights == other.weights:
            raise InputError(
                f"{group.name}: {one.folder} and {other.folder} have the same weights, so they are copies of one "
                "run. Remove one of them."
            )


def find_pairs(groups: Sequence[Group]) -> list[tuple[Group, Group]]:
    """Pair each group with those that lack one of its auxiliary tasks and are validated alike.

    Of several baselines for a task the ones are taken that are named alike, but for ``_<task>``, else those with the
    same seeds. Results of other programs are baselines of all groups of this one. Where there is no such pair, the
    first group is paired with each of the others.
    """
    pairs = []
    for group in groups:
        run = group.runs[0]
        for task in run.auxiliary:
            same = [each for each in groups if group.added_to(each) == task]
            alike = [each for each in same if each.runs[0].validated_on == run.validated_on]
            named = [each for each in alike if f"{each.name}_{task}" == group.name]
            seeded = [each for each in alike if each.runs[0].seeds == run.seeds]
            pairs += [(baseline, group) for baseline in named or seeded or alike]
    ours = [group for group in groups if not group.runs[0].program]
    pairs += [(baseline, group) for baseline in groups if baseline.runs[0].program for group in ours]
    return pairs or [(groups[0], group) for group in groups[1:]]


def families(groups: Sequence[Group]) -> list[list[Group]]:
    """Put groups together that pairs connect; those that are in no pair come together, last."""
    together = [[group] for group in groups]
    for baseline, other in find_pairs(groups):
        one, two = (next(family for family in together if group in family) for group in (baseline, other))
        if one is not two:
            one += two
            together.remove(two)
    alone = [group for family in together if len(family) == 1 for group in family]
    return [*(family for family in together if len(family) > 1), *([alone] if alone else [])]


def need_same_evaluation(runs: Sequence[EvaluatedRun]) -> None:
    """Refuse runs that were not scored alike on the same test volumes.

    Raises
    ------
    InputError
        Names the two experiments, and in what they differ.
    """
    first = runs[0]
    for run in runs[1:]:
        here, there = set(run.truth) - set(first.truth), set(first.truth) - set(run.truth)
        if here or there:
            only = ((run, here), (first, there))
            which = "; ".join(f"only in {each.name}: {', '.join(sorted(names))}" for each, names in only if names)
            raise InputError(
                f"{run.folder}: scored on other test volumes than {first.folder}: {which}. "
                "Evaluate both on the same volumes."
            )
        if changed := differences(first.truth, run.truth):
            raise InputError(
                f"{run.folder}: scored on other test volumes than {first.folder}, although they have the same names: "
                f"{changed}. Evaluate both on the same volumes."
            )
    # Not with the first one only: methods of other tasks have not all keys in common.
    for one, other in combinations(runs, 2):
        if changed := differences(*_scored_alike(one, other)):
            raise InputError(
                f"{other.folder}: scored differently from {one.folder}: {changed}. Make the keys of [evaluation] "
                "equal and run the stage evaluate."
            )


def _scored_alike(one: EvaluatedRun, other: EvaluatedRun) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Give how both were scored, volume by volume, as far as it has to be alike."""
    if BASES[one.base].task == BASES[other.base].task:
        return one.evaluation, other.evaluation
    # How instances are matched says nothing where there are none.
    return _common(one.evaluation, other.evaluation)


def _common(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Leave out of each of the tables of two records the keys that only one of them has."""
    names = {name: one[name].keys() & other[name].keys() for name in one}
    here, there = (
        {name: {key: each[name][key] for key in keys} for name, keys in names.items()} for each in (one, other)
    )
    return here, there


def _variant(run: EvaluatedRun) -> str:
    """Say how a run was validated, where that is not as usual."""
    usual = BASES[run.base].task
    validated = "" if run.validated_on == usual else f", validated on {run.validated_on}"
    seeds = {"main": "", "cpv": ", cpv seeds", "either": ", main or cpv seeds"}[run.seeds]
    return f"{seeds}{validated}"


def _place(group: Group) -> tuple[int, int, str]:
    run = group.runs[0]
    return (ORDER.index(run.base) if run.base in ORDER else len(ORDER), len(run.auxiliary), group.name)


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Say in which keys two records differ, with both values; "" where they are equal."""
    words = []
    for path, here, there in Records().changes(relevant(one), relevant(other)):
        if path[-1] == "checksum":
            words.append(f"{path[-2]} is another file")
        else:
            words.append(f"{'.'.join(path)} is {_shown(here)} and {_shown(there)}")
    more = [f"{len(words) - SHOWN} more"] if len(words) > SHOWN else []
    return "; ".join([*words[:SHOWN], *more])


def _shown(value: Any) -> str:
    return "not set" if value is None else shorten(json.dumps(value), 80)
