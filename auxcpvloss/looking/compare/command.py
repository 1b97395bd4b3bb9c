"""The command ``auxcpvloss compare``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import get_args

from auxcpvloss.config.tables.results import Colors
from auxcpvloss.system.terminal import Parser, Terminal

NAME = "compare"

DESCRIPTION = """\
Compare runs on the test volumes that all of them were evaluated on: the tables of the paper with ranges and intervals,
and, for each pair of models that differ in one auxiliary task (threeclass, threeclass_cpv), a verdict: better, worse,
or not distinguishable on these data. Runs of one method that were validated in the same way form a group.
docs/comparing.md explains what is written and how verdicts are made."""


def parser() -> argparse.ArgumentParser:
    """Give the parser of the arguments after ``compare``."""
    result = Parser(prog=f"auxcpvloss {NAME}", description=DESCRIPTION)
    folders = "folder of an experiment; NAME=FOLDER assigns it to the group NAME"
    result.add_argument("folders", nargs="+", metavar="FOLDER", help=folders)
    out = "folder to write to (default: comparison/ beside the first experiment)"
    result.add_argument("-o", "--out", type=Path, help=out)
    paper = "also show the numbers of the paper (C. elegans L1) in figures 3 and 4; tables always include them"
    result.add_argument("--paper", action="store_true", help=paper)
    groups = (
        "pattern of the volumes that belong together, such as '{group}_t*', and count as one (default: data.groups of "
        "the experiments)"
    )
    result.add_argument("--groups", metavar="PATTERN", default="", help=groups)
    colors = "colors of figures 5 and 6: as in the paper (default), or distinguishable with any color vision"
    result.add_argument("--colors", choices=get_args(Colors), default="paper", help=colors)
    return result


def compare_folders(args: argparse.Namespace, terminal: Terminal) -> None:
    """Compare experiments, print verdicts and scores, and write all to a folder.

    Raises
    ------
    InputError
        Runs that cannot be compared, or a folder to write to that holds something else. Nothing is written.
    """
    # They bring matplotlib and pandas along, which other commands should not wait for.
    from auxcpvloss.looking.compare.comparison import compare
    from auxcpvloss.looking.compare.drawing import draw_scores, draw_volumes
    from auxcpvloss.looking.compare.grouping import parse_folder
    from auxcpvloss.looking.compare.output import need_free, write_comparison
    from auxcpvloss.looking.compare.reading import read_run
    from auxcpvloss.looking.compare.runs import plain_text
    from auxcpvloss.looking.figures.palette import PALETTES

    terminal.stage = NAME
    named = [parse_folder(text) for text in args.folders]
    runs = [(name, read_run(folder)) for name, folder in named]
    out = (args.out or _beside(named[0][1])).expanduser().resolve()
    need_free(out)
    # Results of other programs are groups by the names of these.
    comparison = compare([(name or plain_text(run.program) or None, run) for name, run in runs], args.groups)
    for remark in comparison.remarks:
        terminal.warn(remark)
    for verdict in comparison.verdicts:
        terminal.say(verdict.sentence)
    table = comparison.tables[0]
    rows = [["-" if cell is None else cell for cell in row] for row in table.rows]
    terminal.table(f"{table.title}, mean of {comparison.units}", table.columns, rows)
    pictures, left_out = draw_volumes(comparison, PALETTES[args.colors])
    if left_out:
        terminal.say(left_out)
    write_comparison(comparison, [*draw_scores(comparison, args.paper), *pictures], out)
    terminal.say(f"tables, figures and report: {out}")


def _beside(folder: Path) -> Path:
    """Give the default place: beside the folder as it was named, which a link may lead away from."""
    return Path(os.path.normpath(folder.expanduser().absolute())).parent / "comparison"
