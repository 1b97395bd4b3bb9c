"""Say how every result is: whole, stale, missing or broken; touch nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.stages.inspection import Item, inspect
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.terminal import Terminal

if TYPE_CHECKING:
    from auxcpvloss.stages import Choice

NAMED = 3
"""Results that are named; of more there is the number."""

COLUMNS = ("stage", "what", "state", "which", "why")


def status(experiment: Experiment, terminal: Terminal, choice: Choice, alone: bool) -> None:
    """Print a table of all stages: what is whole, what is stale and why, what is missing or broken.

    Raises
    ------
    InputError
        It is not named alone.
    """
    if not alone:
        raise InputError("-d status: name it alone: it says how things are, and runs nothing.")
    rows = grouped(inspect(experiment, choice.checkpoint, choice.which == "last"))
    terminal.table(f"{experiment.folder}", COLUMNS, rows)


def grouped(items: Iterable[Item]) -> list[Sequence[str]]:
    """Put together what is alike: a row for each stage, kind of result, state and reason."""
    names: dict[tuple[str, str, str, str], list[str]] = {}
    for item in items:
        names.setdefault((item.stage, item.what, item.state.kind, item.state.why), []).append(item.name)
    stages = list(dict.fromkeys(stage for stage, *_ in names))
    keys = sorted(names, key=lambda key: stages.index(key[0]))
    return [(key[0], key[1], key[2], _which(names[key]), key[3]) for key in keys]


def _which(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= NAMED else f"{len(names)} of them"
