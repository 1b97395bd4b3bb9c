"""Groups of test volumes, such as the times of an embryo: they are the units of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from auxcpvloss.config.groups import checked_groups
from auxcpvloss.data.groups import groups_of
from auxcpvloss.looking.compare.runs import EvaluatedRun
from auxcpvloss.system.errors import InputError

OPTION = "--groups"


def with_groups(runs: Sequence[EvaluatedRun], pattern: str) -> list[EvaluatedRun]:
    """Give all runs, which are scored on the same volumes, the same groups of volumes.

    These are those of `pattern`; without one, those of the runs that have any.

    Raises
    ------
    InputError
        The pattern cannot be one or does not fit all volumes, or runs have different groups.
    """
    found: Mapping[str, str]
    if pattern:
        try:
            found = groups_of(runs[0].scores, checked_groups(pattern), OPTION)
        except ValueError as error:
            raise InputError(f"{OPTION}: {error}.") from None
    else:
        found = _common_groups(runs)
    return [replace(run, groups=found) for run in runs]


def _common_groups(runs: Sequence[EvaluatedRun]) -> Mapping[str, str]:
    having = [run for run in runs if run.groups]
    for run in having[1:]:
        if _parts(run.groups) != _parts(having[0].groups):
            raise InputError(
                f"{run.folder}: has other groups of volumes than {having[0].folder} (data.groups). Name those of the "
                f"comparison with {OPTION}."
            )
    return having[0].groups if having else {}


def _parts(groups: Mapping[str, str]) -> set[frozenset[str]]:
    return {frozenset(name for name in groups if groups[name] == group) for group in groups.values()}


def number_of_units(groups: Sequence[str]) -> str:
    """Say how many groups and volumes there are; `groups` has that of each volume."""
    volumes, number = len(groups), len(set(groups))
    counted = f"volume{'s' * (volumes != 1)}"
    if number == volumes:
        return f"{volumes} test {counted}"
    return f"{number} group{'s' * (number != 1)} of test volumes ({volumes} {counted})"
