"""The command ``auxcpvloss compare``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from auxcpvloss import __version__
from auxcpvloss.compare.comparison import Comparison, Run
from auxcpvloss.compare.grouping import find_pairs, make_groups, need_same_evaluation, parse_folder, remarks
from auxcpvloss.compare.reading import read_run
from auxcpvloss.compare.selected import selection_tables
from auxcpvloss.compare.tables import summary, table_1, table_2, table_3
from auxcpvloss.compare.verdicts import make_verdicts
from auxcpvloss.compare.writing import FORMATS, document, scores_as_csv, verdicts_as_csv
from auxcpvloss.errors import InputError
from auxcpvloss.files import replacing
from auxcpvloss.terminal import Terminal

NAME = "compare"
RECORD = "comparison.json"
"""File of a comparison that says what is in its folder, and what it was made from."""

DESCRIPTION = """\
Compare runs on the test volumes that all of them were evaluated on: the tables of the paper with ranges and intervals,
and for each baseline and its +cpv a verdict: better, worse, or not distinguishable on these data. Runs of a method that
were validated alike make a group. docs/comparing.md explains what is written and how verdicts are made."""


def parser() -> argparse.ArgumentParser:
    """Give the parser of the arguments after ``compare``."""
    result = argparse.ArgumentParser(prog=f"auxcpvloss {NAME}", description=DESCRIPTION)
    folders = "folder of an experiment; NAME=FOLDER puts runs into a group of that name"
    result.add_argument("folders", nargs="+", metavar="FOLDER", help=folders)
    out = "folder to write to (default: comparison/ beside the first experiment)"
    result.add_argument("-o", "--out", type=Path, help=out)
    return result


def compare_folders(args: argparse.Namespace, terminal: Terminal) -> None:
    """Compare experiments, print verdicts and scores, and write all to a folder.

    Raises
    ------
    InputError
        Runs that cannot be compared, or a folder to write to that holds something else. Nothing is written.
    """
    terminal.stage = NAME
    named = [parse_folder(text) for text in args.folders]
    runs = [(name, read_run(folder)) for name, folder in named]
    out = (args.out or runs[0][1].folder.parent / "comparison").expanduser().resolve()
    _need_free(out)
    comparison = compare(runs)
    for verdict in comparison.verdicts:
        terminal.say(verdict.sentence)
    for remark in comparison.remarks:
        terminal.say(f"to be known: {remark}")
    table = comparison.tables[0]
    terminal.table(f"{table.title}, mean of {len(comparison.volumes)} volumes", table.columns, table.rows)
    with replacing(out) as beside:
        beside.mkdir()
        _write(comparison, beside)
    terminal.say(f"tables and figures: {out}")


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
    matching = str(first.evaluation["detection"])
    paper = [summary(groups, matching), table_1(groups), table_2(groups, matching), table_3(groups, matching)]
    return Comparison(
        groups=groups,
        volumes=tuple(first.scores),
        matching=matching,
        verdicts=make_verdicts(pairs, matching),
        tables=(*(table for table in paper if table), *selection_tables(groups)),
        remarks=remarks(groups, pairs),
    )


def _need_each_once(runs: Sequence[Run]) -> None:
    folders = [run.folder for run in runs]
    for folder in folders:
        if folders.count(folder) > 1:
            raise InputError(f"{folder}: named {folders.count(folder)} times; name each experiment once.")


def _need_free(out: Path) -> None:
    """Refuse to write over anything but an earlier comparison."""
    if not out.exists():
        return
    if not out.is_dir():
        raise InputError(f"{out}: is a file; name a folder with -o.")
    try:
        known = set(json.loads((out / RECORD).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        known = set()
    if other := sorted({path.name for path in out.iterdir()} - known):
        raise InputError(
            f"{out}: holds what is no comparison: {', '.join(other[:5])}. Name another folder with -o, or move it away."
        )


def _write(comparison: Comparison, folder: Path) -> None:
    files = {f"{table.name}.{kind}": write(table) for table in comparison.tables for kind, write in FORMATS.items()}
    files |= {
        "comparison.md": document(comparison),
        "verdicts.csv": verdicts_as_csv(comparison),
        "scores.csv": scores_as_csv(comparison),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / RECORD).write_text(json.dumps(_record(comparison, [*files, RECORD]), indent=1) + "\n", encoding="utf-8")


def _record(comparison: Comparison, files: Sequence[str]) -> dict[str, Any]:
    """Say what a comparison was made from, and what it said."""
    keys = ("folder", "seed", "checkpoint", "params", "metric", "validated_on", "seeds", "weights")
    return {
        "auxcpvloss": __version__,
        "groups": [
            {
                "name": group.name,
                "method": group.method,
                "runs": [{key: _plain(getattr(run, key)) for key in keys} for run in group.runs],
            }
            for group in comparison.groups
        ],
        "evaluation": dict(comparison.groups[0].runs[0].evaluation),
        "truth": comparison.groups[0].runs[0].truth,
        "verdicts": [asdict(verdict) for verdict in comparison.verdicts],
        "remarks": comparison.remarks,
        "files": sorted(files),
    }


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
