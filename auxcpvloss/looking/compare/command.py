"""The command ``auxcpvloss compare``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from auxcpvloss.looking.compare.comparison import Comparison, Run
from auxcpvloss.looking.compare.drawing import draw_scores, draw_volumes
from auxcpvloss.looking.compare.grouping import find_pairs, make_groups, need_same_evaluation, parse_folder
from auxcpvloss.looking.compare.output import need_free, write_comparison
from auxcpvloss.looking.compare.reading import read_run
from auxcpvloss.looking.compare.remarks import remarks
from auxcpvloss.looking.compare.selected import selection_tables
from auxcpvloss.looking.compare.tables import summary, table_1, table_2, table_3
from auxcpvloss.looking.compare.verdicts import make_verdicts
from auxcpvloss.looking.figures.palette import PALETTES
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.terminal import Terminal

NAME = "compare"

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
    paper = "show the numbers of the paper, which are of C. elegans L1, in figures 3 and 4 too; tables always have them"
    result.add_argument("--paper", action="store_true", help=paper)
    colors = "of figures 5 and 6: as in the paper (default), or such as the color-blind can tell apart"
    result.add_argument("--colors", choices=PALETTES, default="paper", help=colors)
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
    out = (args.out or _beside(named[0][1])).expanduser().resolve()
    need_free(out)
    comparison = compare(runs)
    for remark in comparison.remarks:
        terminal.warn(remark)
    for verdict in comparison.verdicts:
        terminal.say(verdict.sentence)
    table = comparison.tables[0]
    terminal.table(f"{table.title}, mean of {_counted(comparison.volumes, 'volume')}", table.columns, table.rows)
    figures = draw_scores(comparison, args.paper)
    pictures, left_out = draw_volumes(comparison, PALETTES[args.colors])
    if left_out:
        terminal.say(left_out)
    write_comparison(comparison, figures | pictures, out)
    terminal.say(f"tables, figures and report: {out}")


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
    matching = first.matching
    paper = [summary(groups, matching), table_1(groups), table_2(groups, matching), table_3(groups, matching)]
    return Comparison(
        groups=groups,
        volumes=tuple(first.scores),
        matching=matching,
        verdicts=make_verdicts(pairs, matching),
        tables=(*(table for table in paper if table), *selection_tables(groups)),
        remarks=remarks(groups, pairs),
    )


def _beside(folder: Path) -> Path:
    """Give the default place: beside the folder as it was named, which a link may lead away from."""
    return Path(os.path.normpath(folder.expanduser().absolute())).parent / "comparison"


def _counted(things: Sequence[str], name: str) -> str:
    return f"{len(things)} {name}{'s' * (len(things) != 1)}"


def _need_each_once(runs: Sequence[Run]) -> None:
    folders = [run.folder for run in runs]
    for folder in folders:
        if folders.count(folder) > 1:
            raise InputError(f"{folder}: named {folders.count(folder)} times; name each experiment once.")
