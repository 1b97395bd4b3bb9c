"""The way in: ``scripts/repeat.sh``, and ``python -m auxcpvloss.repeat``."""

from __future__ import annotations

import argparse
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from auxcpvloss.cli import INPUT_ERROR, STAGE_ERROR
from auxcpvloss.config import ConfigFile, as_toml
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.provenance import NAME, Document
from auxcpvloss.experiment.provenance.recorder import DONE
from auxcpvloss.repeat.commands import Run, runs
from auxcpvloss.repeat.results import compare
from auxcpvloss.repeat.surroundings import changed_data, changed_surroundings
from auxcpvloss.system import signals
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text

DESCRIPTION = """\
Repeat an experiment in a new folder: the commands that its provenance.json records, with the same configurations, on
the same data. Says first what is not as it was (code, libraries, machine, data), at the end whether checkpoints and
scores are bitwise equal. Exit status: 0 equal, 1 not equal, or a command failed, 2 nothing was run. A repeat that was
killed goes on when it is started again."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Repeat the experiment that the arguments name; returns the exit status."""
    args = _parser().parse_args(arguments)
    original: Path = args.experiment.resolve()
    root: Path = (args.new_root or original.parent.with_name(f"{original.parent.name}-repeat")).resolve()
    try:
        return _repeat(original, root / original.name, args.strict)
    except InputError as error:
        print(error, file=sys.stderr)
        return INPUT_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="repeat.sh", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", type=Path, metavar="EXPERIMENT", help="its folder")
    root = "folder of the repeated experiment, and of its volumes (default: that of the experiment, with -repeat)"
    parser.add_argument("new_root", type=Path, nargs="?", metavar="NEW_ROOT", help=root)
    parser.add_argument("--strict", action="store_true", help="run nothing if anything is not as it was")
    return parser


def _repeat(original: Path, folder: Path, strict: bool) -> int:
    document = Document.read(original / NAME)
    todo = runs(document)
    if not todo:
        raise InputError(f"{original / NAME}: no command to repeat.")
    experiments = [
        Experiment(folder, load([ConfigFile(f"{original / NAME}: command {run.number}", run.config)])) for run in todo
    ]
    _need_own_folder(original, folder)
    changed = changed_surroundings(document, [run.command for run in todo])
    # Each set of volumes is read once, however many commands worked on it.
    distinct = {str((run.command["config"], run.command["data"])): n for n, run in enumerate(todo)}
    for n in distinct.values():
        changed += changed_data(todo[n].command, experiments[n])
    for line in dict.fromkeys(changed):
        print(f"not as it was: {line}")
    if changed and strict:
        raise InputError("--strict: nothing was run.")
    write_text(_notes(folder) / NAME, (original / NAME).read_text(encoding="utf-8"))
    for run in todo:
        status = _run(run, folder)
        if status and run.command["outcome"] == DONE:
            print(f"command {run.number} ended with {status}; in the original it was done.", file=sys.stderr)
            return status if status > 0 else STAGE_ERROR
    lines, equal = compare(original, folder)
    print("\n".join(lines))
    return 0 if equal else STAGE_ERROR


def _need_own_folder(original: Path, folder: Path) -> None:
    """Refuse a folder that holds anything but a repeat of this experiment, begun before."""
    if folder == original:
        raise InputError(f"{folder.parent}: holds the experiment itself; name another folder.")
    copy = _notes(folder) / NAME
    begun = copy.is_file() and copy.read_bytes() == (original / NAME).read_bytes()
    if folder.exists() and not begun:
        raise InputError(f"{folder}: there is an experiment already; name another folder, or remove it.")


def _notes(folder: Path) -> Path:
    """Folder of what is repeated: the record, and the configuration of each command."""
    return folder.with_name(f"{folder.name}.repeat")


def _run(run: Run, folder: Path) -> int:
    file = _notes(folder) / f"command_{run.number}.toml"
    write_text(file, as_toml(run.config))
    place = ["-r", str(folder.parent), "-id", folder.name, "-c", str(file)]
    command = [sys.executable, "-m", "auxcpvloss", *place, *run.arguments]
    print(f"command {run.number}: {shlex.join(command)}", flush=True)
    with subprocess.Popen(command) as process:
        # What ends this is to end the command, too.
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            return process.wait()
        finally:
            signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    raise SystemExit(signals.heeding(main))
