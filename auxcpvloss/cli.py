"""The command line."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from auxcpvloss.apply import command as segment
from auxcpvloss.apply import import_results
from auxcpvloss.apply.bioimageio import command as export_model
from auxcpvloss.arguments import parser
from auxcpvloss.config import write
from auxcpvloss.configure import command as configure
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.provenance.recorder import Recorder
from auxcpvloss.experiment.training_record import refuse_other_training
from auxcpvloss.looking.compare import command as compare
from auxcpvloss.looking.handover.viewer import obstacle
from auxcpvloss.stages.export.viewing import look
from auxcpvloss.stages.order import dry_run, is_before_training, run_stages, wanted
from auxcpvloss.stages.run import Choice, Run
from auxcpvloss.stages.status import STATUS, status
from auxcpvloss.sweep import command as sweep
from auxcpvloss.system.backends import choose_backend
from auxcpvloss.system.errors import InputError, StageError
from auxcpvloss.system.faults import in_words, no_memory, out_of_memory, system_error
from auxcpvloss.system.files import restore
from auxcpvloss.system.lock import locked
from auxcpvloss.system.printable import printable
from auxcpvloss.system.readers import marking
from auxcpvloss.system.terminal import Terminal, logging_to
from auxcpvloss.which_experiment import own_test_data, which_experiment

INPUT_ERROR, STAGE_ERROR = 2, 1

COMMANDS = {
    configure.NAME: (configure.parser, configure.configure_folder),
    compare.NAME: (compare.parser, compare.compare_folders),
    segment.NAME: (segment.parser, segment.segment_files),
    export_model.NAME: (export_model.parser, export_model.export_model),
    sweep.NAME: (sweep.parser, sweep.sweep),
}
"""Parser and function of what is no run of stages, by the first argument."""


EXPERIMENTS = {import_results.NAME: (import_results.parser, import_results.external_experiment)}
"""Parser, and function that gives the experiment, of commands that run stages on an experiment of another kind."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run stages, or one of `COMMANDS` or `EXPERIMENTS`, as the arguments ask; return the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    first = given[0] if given else ""
    parse, command = COMMANDS.get(first, (None, None))
    parse, find = EXPERIMENTS.get(first, (parse, which_experiment))
    args = parse().parse_args(given[1:]) if parse else parser().parse_args(given)
    terminal = Terminal()
    try:
        if command:
            command(args, terminal)
            return 0
        experiment = find(args, terminal)
        general = experiment.config.general
        choose_backend(general.backend, os.environ, general.deterministic)
        choice = Choice(args.test_checkpoint, args.checkpoint, args.term_after_predict)
        kind = experiment.is_ensemble, experiment.method, experiment.config.scheme.stages
        run = Run(experiment, terminal, choice, wanted(args.do, choice, *kind))
        if STATUS in args.do:
            if len(args.do) > 1:
                raise InputError("-d status: cannot be combined with stages, because it runs nothing.")
            status(run)
            return 0
        if "train" not in run.stages and not is_before_training(run.stages):
            refuse_other_training(experiment)
        if args.dry_run:
            run.planning = True
            dry_run(run)
            return 0
        _check_napari(args, run.stages)
        _run(run)
        # After the lock of the experiment is released.
        look(run, args.napari)
    except InputError as error:
        return _complain(str(error), INPUT_ERROR)
    except StageError as error:
        return _complain(str(error), STAGE_ERROR)
    except Exception as error:
        # No memory, a full disk, no permission to write: not a fault of the code.
        if out_of_memory(error):
            return _complain(no_memory(terminal.stage), STAGE_ERROR)
        refused = system_error(error)
        if refused is None:
            raise
        return _complain(printable(in_words(refused, args.out if command else args.root)), INPUT_ERROR)
    return 0


def _check_napari(args: argparse.Namespace, stages: Sequence[str]) -> None:
    """Refuse a window that cannot be opened, before hours are spent on what it would show."""
    if args.napari and "visualize" not in stages:
        raise InputError("--napari shows the results of the stage visualize; add visualize to -d.")
    obstacle(args.napari)


def _run(run: Run) -> None:
    experiment = run.experiment
    folder, frozen = experiment.folder, experiment.folder / "config.toml"
    is_new = not folder.exists()
    with locked(folder), marking():
        before = frozen.read_bytes() if frozen.is_file() else None
        run.notes.config = (before or b"").decode()
        recorder = Recorder(experiment, run.terminal, {"stages": list(run.stages), **asdict(run.choice)})
        try:
            with logging_to(folder / "run.log", experiment.config.general.logging):
                logging.getLogger(__name__).info("command: %s", shlex.join(sys.argv))
                _store(experiment, frozen)
                with recorder:
                    run_stages(run, recorder)
        except InputError:
            if not recorder.finished:
                # Leave no traces of a command whose input was bad from the start; the lock removes an empty folder.
                recorder.take_back()
                restore(frozen, before)
                if is_new:
                    (folder / "run.log").unlink(missing_ok=True)
            raise


def _store(experiment: Experiment, frozen: Path) -> None:
    """Store the configuration, without what applies to this command only: general.overwrite, other test volumes."""
    config = experiment.config
    changed: dict[str, Any] = {"general": config.general.model_copy(update={"overwrite": False})}
    if experiment.other_test:
        of_test = ("test_", "degrade")
        own = {key: value for key, value in own_test_data(frozen).items() if key.startswith(of_test)}
        changed["data"] = config.data.model_copy(update=own)
    write(config.model_copy(update=changed), frozen)


def _complain(message: str, status: int) -> int:
    print(message, file=sys.stderr)
    return status
