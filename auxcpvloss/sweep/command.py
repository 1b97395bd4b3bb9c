"""The command ``auxcpvloss sweep``."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from auxcpvloss.looking.compare import command as compare
from auxcpvloss.sweep.file import ALL, SweepFile, read_sweep
from auxcpvloss.sweep.perform import command_of, perform
from auxcpvloss.sweep.runs import FOLDER, SweepRun, runs_of
from auxcpvloss.sweep.states import COLUMNS, is_done, line, stages_of
from auxcpvloss.system.errors import InputError, StageError
from auxcpvloss.system.lock import locked
from auxcpvloss.system.terminal import Parser, Terminal

NAME = "sweep"

DESCRIPTION = """\
Run many experiments that a file describes: every combination of some values of keys, with several seeds and folds; and
compare them. Each experiment makes what it lacks: the same command continues after an interruption, and runs what was
added to the file. docs/sweeps.md explains the file."""

NOT_SHOWN = ("prepare", "mknet")
"""Stages that the table of ``--status`` leaves out: all runs have them, and the training shows that they were done."""


def parser() -> argparse.ArgumentParser:
    """Give the parser of the arguments after ``sweep``."""
    result = Parser(prog=f"auxcpvloss {NAME}", description=DESCRIPTION)
    add = result.add_argument
    add("file", type=Path, metavar="SWEEP.toml", help="file that describes the runs")
    root = "folder of the experiments (default: experiments/SWEEP, after the file)"
    add("-r", "--root", "-o", dest="out", type=Path, metavar="DIR", help=root)
    jobs = "runs at a time, between which cores and GPUs are divided (default: 1)"
    add("--jobs", type=_count, default=1, metavar="N", help=jobs)
    add("--overwrite", action="store_true", help="of each run: replace what is stale, including checkpoints")
    what = result.add_mutually_exclusive_group().add_argument
    what("--dry-run", action="store_true", help="list the runs and their commands; change nothing")
    what("--status", action="store_true", help="show how the results of each run are; change nothing")
    return result


def _count(text: str) -> int:
    if not 0 < (number := int(text)) <= 1000:
        raise argparse.ArgumentTypeError(f"{text}: expected a number of runs, 1 or more")
    return number


def sweep(args: argparse.Namespace, terminal: Terminal) -> None:
    """Run the experiments of a file, and compare them.

    Raises
    ------
    InputError
        The file is wrong, or the configuration of one of its runs; nothing is written.
    StageError
        Runs have failed; all others were made.
    """
    terminal.stage = NAME
    found = read_sweep(args.file)
    root = (args.out or Path("experiments") / args.file.stem).expanduser().resolve()
    runs = runs_of(found, args.file, root)
    if args.dry_run:
        _list(runs, found.stages, args.overwrite, terminal)
    elif args.status:
        _show(runs, found.stages, root, terminal)
    else:
        (root / FOLDER).mkdir(parents=True, exist_ok=True)
        with locked(root / FOLDER):
            _perform(runs, found, args, terminal)
        _compare(runs, found, root, terminal)


def _list(runs: Sequence[SweepRun], stages: Sequence[str], overwrite: bool, terminal: Terminal) -> None:
    terminal.say(f"{len(runs)} runs; each gets a file with all of its keys, and is made by a command:")
    for run in runs:
        terminal.say(shlex.join(command_of(run, stages, overwrite)))


def _show(runs: Sequence[SweepRun], stages: Sequence[str], root: Path, terminal: Terminal) -> None:
    """Print a line for each run: how far the training is, what validation selected, and how all results are."""
    shown = list(dict.fromkeys(stage for run in runs for stage in stages_of(run, stages) if stage not in NOT_SHOWN))
    with terminal.progress("runs", len(runs)) as bar:
        lines = []
        for number, run in enumerate(runs, start=1):
            lines.append(line(run, shown))
            bar.update(number)
    terminal.table(f"{root}; score: that of the checkpoint that validation selected", [*COLUMNS, *shown], lines)


def _perform(runs: Sequence[SweepRun], found: SweepFile, args: argparse.Namespace, terminal: Terminal) -> None:
    # Each process would take some seconds to find that out.
    todo = [run for run in runs if args.overwrite or not is_done(run, found.stages)]
    if len(todo) < len(runs):
        terminal.say(f"{len(runs) - len(todo)} of {len(runs)} runs are complete")
    for run in todo:
        run.write_config()
    failed, done, running = [], 0, list[str]()
    with terminal.progress("runs", len(todo)) as bar:

        def begins(run: SweepRun) -> None:
            running.append(run.name)
            bar.update(done, ", ".join(running))

        for ended in perform(todo, found.stages, args.jobs, args.overwrite, begins):
            running.remove(ended.run.name)
            done += 1
            bar.update(done, ", ".join(running))
            if ended.status:
                failed.append(ended.run.name)
                terminal.warn(f"{ended.run.name}: failed: {ended.last_line} (all of it: {ended.run.output_path})")
            else:
                terminal.say(f"{ended.run.name}: done ({done} of {len(todo)})")
    if failed:
        raise StageError(
            f"{len(failed)} of {len(todo)} runs failed: {', '.join(failed)}. The same command makes them again, and "
            "what else is missing."
        )


def _compare(runs: Sequence[SweepRun], found: SweepFile, root: Path, terminal: Terminal) -> None:
    """Compare what was evaluated: the runs of a group, which differ in fold and seed, together."""
    if len(runs) < 2 or not {"evaluate", ALL} & set(found.stages):
        return
    folders = [f"{run.group}={run.experiment.folder}" for run in runs]
    try:
        compare.compare_folders(compare.parser().parse_args([*folders, "-o", str(root / "comparison")]), terminal)
    except InputError as error:
        # All runs were made.
        terminal.warn(f"not compared: {error}")
