"""The tables of the paper that list what each run selected: iteration and thresholds (Tables 4 to 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auxcpvloss.looking.compare.runs import Group
from auxcpvloss.looking.compare.tables import frame
from auxcpvloss.looking.table import Cell, PaperTable

NUMBERS = {"sdt": 4, "threeclass": 5, "affinities": 6, "gauss": 7}
"""Table of the paper for each method, with any auxiliary tasks."""

HEADINGS = {
    "seed_thresh": "seed threshold",
    "cpv_thresh": "cpv seed threshold",
    "fg_thresh": "foreground threshold",
    "num_dilations": "dilated",
    "gauss_thresh": "gauss threshold",
    "nms_size": "nms distance",
}
"""Parameters with a column in the paper, and the heading of the column."""

NOTE = (
    "Selected on the validation volumes, checkpoint and parameters together. Parameters without a value have no effect."
)


def selection_tables(groups: Sequence[Group]) -> list[PaperTable]:
    """Give the tables of the methods that there are, in the order of the paper; methods of later days come last."""
    tables: dict[str, list[Group]] = {}
    for group in (group for group in groups if not group.runs[0].program):
        tables.setdefault(group.runs[0].base, []).append(group)
    numbered = {base: f"table_{NUMBERS.get(base, base)}" for base in tables}
    return [_table(numbered[base], base, tables[base]) for base in sorted(tables, key=lambda base: numbered[base])]


def _table(name: str, base: str, groups: Sequence[Group]) -> PaperTable:
    runs = [(group, run) for group in groups for run in group.runs]
    used = list(dict.fromkeys(key for _, run in runs for key in run.params))
    columns = [key for key in HEADINGS if key in used]
    others = [key for key in used if key not in columns]
    rows, data = [], []
    for group, run in runs:
        more = ", ".join(f"{key} {run.params[key]}" for key in others if key in run.params) or None
        shown = (_shown(key, run.params.get(key)) for key in columns)
        rows.append((group.name, run.name, str(run.seed), run.validated_on, str(run.checkpoint), *shown, more))
        numbers = (run.params.get(key) for key in used)
        data.append((group.name, run.name, run.seed, run.metric, run.checkpoint, *numbers))
    headings = (HEADINGS[key] for key in columns)
    return PaperTable(
        name=name,
        title=f"Selected checkpoint and parameters: {base}",
        note=NOTE,
        columns=("model", "run", "seed", "validation on", "iteration", *headings, "other parameters"),
        rows=rows,
        data=frame(("model", "run", "seed", "metric", "iteration", *used), data),
    )


def _shown(key: str, value: Any) -> Cell:
    if value is None:
        return None
    if key == "num_dilations":
        return {0: "no", 1: "yes"}.get(value, f"{value} times")
    return str(value)
