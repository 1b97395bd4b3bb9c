"""From runs to all that a comparison finds."""

from __future__ import annotations

from collections.abc import Sequence

from auxcpvloss.looking.compare.comparison import Comparison, Run
from auxcpvloss.looking.compare.grouping import find_pairs, make_groups, need_same_evaluation
from auxcpvloss.looking.compare.remarks import remarks
from auxcpvloss.looking.compare.selected import selection_tables
from auxcpvloss.looking.compare.tables import summary, table_1, table_2, table_3
from auxcpvloss.looking.compare.verdicts import make_verdicts
from auxcpvloss.system.errors import InputError


def compare(runs: Sequence[tuple[str | None, Run]]) -> Comparison:
    """Compare runs, each with the name of its group or None.

    Raises
    ------
    InputError
        They cannot be compared.
    """
    _need_each_once([run for _, run in runs])
    need_same_evaluation([run for _, run in runs])
    groups = make_groups(runs)
    pairs = find_pairs(groups)
    first = groups[0].runs[0]
    tables = [make(groups) for make in (summary, table_1, table_2, table_3)]
    return Comparison(
        groups=groups,
        volumes=tuple(first.scores),
        matching=first.matching,
        verdicts=make_verdicts(pairs, first.matching),
        tables=(*(table for table in tables if table is not None), *selection_tables(groups)),
        remarks=remarks(groups, pairs),
    )


def _need_each_once(runs: Sequence[Run]) -> None:
    folders = [run.folder for run in runs]
    for folder in folders:
        if folders.count(folder) > 1:
            raise InputError(f"{folder}: named {folders.count(folder)} times; name each experiment once.")
