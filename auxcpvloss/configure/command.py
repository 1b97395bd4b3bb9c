"""The command ``auxcpvloss configure``."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from auxcpvloss.config import ConfigFile, find_config, inline, known
from auxcpvloss.experiment.configuration import load
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text
from auxcpvloss.system.names import experiment_name
from auxcpvloss.system.terminal import Parser, Terminal, logging_to

NAME = "configure"

DESCRIPTION = """\
Look at the volumes of a folder (train/, val/ and test/, or all in one, with images/ and masks/; or zarr, N5, HDF5), and
write the configuration of a training on them, with the reason for each key: docs/configure.md. Nothing else is made."""


ALL_BUT_TEST = "mknet train validate_checkpoints"
"""Stages that need no test volumes."""


def parser() -> argparse.ArgumentParser:
    """Give the parser of the arguments after ``configure``."""
    result = Parser(prog=f"auxcpvloss {NAME}", description=DESCRIPTION)
    add = result.add_argument
    add("folder", nargs="?", default="", metavar="FOLDER", help="folder of the volumes (data.path)")
    add("-o", "--out", type=Path, metavar="FILE.toml", help="file to write (default: FOLDER.toml, here)")
    long = result.add_mutually_exclusive_group().add_argument
    minutes = "time for the training on this machine, on which some steps are timed for that (default: 30)"
    long("--minutes", type=_positive, default=30.0, metavar="M", help=minutes)
    iterations = "iterations of the training; nothing is timed, so the same data and machine give the same file"
    long("--iterations", type=_count, metavar="N", help=iterations)
    size = "size of a voxel (data.voxel_size), if the files do not record it"
    add("--voxel-size", nargs=3, type=float, metavar=("Z", "Y", "X"), help=size)
    add("--input-format", metavar="FORMAT", help="format of the files (data.input_format; default: detect it)")
    files = "toml file with a table [data] that says how volumes are found and read (mask_pattern, channel, ...)"
    add("-c", "--config", action="append", default=[], metavar="FILE", help=files)
    add("-a", "--app", help=f"take the data of an application instead of FOLDER: {', '.join(known())}")
    add("--overwrite", action="store_true", help="replace the file if it is there already")
    return result


def _positive(text: str) -> float:
    if not 0 < (number := float(text)) < 1e6:
        raise argparse.ArgumentTypeError(f"{text}: expected minutes, above 0")
    return number


def _count(text: str) -> int:
    if not 0 < (number := int(text)) <= 10**9:
        raise argparse.ArgumentTypeError(f"{text}: expected a number of iterations, 1 or more")
    return number


def configure_folder(args: argparse.Namespace, terminal: Terminal) -> None:
    """Look at volumes, decide, and write the file.

    Raises
    ------
    InputError
        No volumes to train on, or a file that is there already; nothing is written.
    """
    terminal.stage = NAME
    out, data = _out(args), _given(args)
    # They bring libraries along that other commands should not wait for.
    from auxcpvloss.configure.plan import make_plan
    from auxcpvloss.configure.write import as_text

    with TemporaryDirectory() as folder, logging_to(Path(folder) / "configure.log", "info"):
        plan = make_plan(args.folder, data, args.minutes, args.iterations, terminal)
    for words in plan.warnings:
        terminal.warn(words)
    terminal.table("Measured", ("what", "value"), plan.measured)
    rows = [(each.key, inline(each.value)) for each in plan.decisions]
    terminal.table("Decided", ("key", "value"), rows)
    asked = shlex.join([NAME, *([args.folder] if args.folder else ["-a", args.app] if args.app else [])])
    remarks = [f"Written by auxcpvloss {asked}; docs/configure.md explains the rules. Change what you know better."]
    remarks += [f"{what}: {value}" for what, value in plan.measured]
    write_text(out, as_text(plan.decisions, [*remarks, *(f"Warning: {words}" for words in plan.warnings)]))
    program = _program()
    run = f"{program} -c {shlex.quote(str(out))} -d {'all' if plan.has_test else ALL_BUT_TEST}"
    after = "" if plan.has_test else f", then {program} segment FILE... --model {out.stem} -o DIR"
    terminal.say(f"written: {out}, with the reason for each key. Next: {run}{after}")


def _program() -> str:
    """Say how to call this program again: by its name, or, where it is not installed, as it was called now."""
    called = Path(sys.argv[0])
    return "auxcpvloss" if called.stem == "auxcpvloss" else shlex.join([sys.executable, str(called)])


def _out(args: argparse.Namespace) -> Path:
    """Give the file to write; refuse one that is there."""
    if not (args.folder or args.app or args.config):
        raise InputError("No volumes given. Name their folder: auxcpvloss configure FOLDER")
    named = Path(args.folder).expanduser().resolve().name if args.folder else args.app or "configured"
    out: Path = (args.out or Path(f"{named}.toml")).expanduser()
    if out.suffix != ".toml":
        raise InputError(f"-o {out}: expected the name of a .toml file")
    experiment_name(out.stem, f"-o {out}: the name of the experiment, after the file")
    if out.exists() and not (args.overwrite and out.is_file()):
        raise InputError(f"{out}: exists; choose another name with -o, or replace it with --overwrite")
    return out


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """Give the keys of [data] that the arguments name."""
    if args.app and args.folder:
        raise InputError(f"-a {args.app}: cannot be combined with the folder {args.folder}; give one of them")
    files = [ConfigFile.read(Path(path).expanduser()) for path in args.config]
    for file in files:
        if others := sorted(set(file.tables) - {"data"}):
            raise InputError(
                f"{file.name}: [{others[0]}]: expected the table [data] alone, which says how volumes are found; "
                "change other keys in the file that is written"
            )
    of_app = [ConfigFile.read(find_config(args.app))] if args.app else []
    options = {"voxel_size": args.voxel_size, "input_format": args.input_format}
    line = ConfigFile("command line", {"data": {key: value for key, value in options.items() if value is not None}})
    # Says what is wrong with a key, and in which file.
    load([*of_app, *files, line])
    places = (*of_app, *files, line)
    return {key: value for place in places for key, value in place.tables.get("data", {}).items()}
