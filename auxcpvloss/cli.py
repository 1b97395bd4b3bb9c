"""The command line."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from auxcpvloss.arguments import parser
from auxcpvloss.config import Config, ConfigFile, defaults, find_config, known, write
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.debug import SUFFIX, changes, debug_tables
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.lock import locked
from auxcpvloss.experiment.provenance import Recorder
from auxcpvloss.experiment.training_record import refuse_other_training
from auxcpvloss.looking.compare import command
from auxcpvloss.looking.handover.viewer import obstacle
from auxcpvloss.stages.order import dry_run, run_stages, wanted
from auxcpvloss.stages.run import Choice, Run
from auxcpvloss.stages.status import STATUS, status
from auxcpvloss.stages.viewing import look
from auxcpvloss.system.errors import InputError, StageError
from auxcpvloss.system.faults import in_words, no_memory, out_of_memory, system_error
from auxcpvloss.system.files import write_text
from auxcpvloss.system.names import experiment_name
from auxcpvloss.system.terminal import Terminal, logging_to

INPUT_ERROR, STAGE_ERROR = 2, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stages that the arguments ask for, or compare; returns the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    comparing = given[:1] == [command.NAME]
    args = command.parser().parse_args(given[1:]) if comparing else parser().parse_args(given)
    terminal = Terminal()
    try:
        if comparing:
            command.compare_folders(args, terminal)
            return 0
        experiment = _experiment(args, terminal)
        choice = Choice(args.test_checkpoint, args.checkpoint, args.term_after_predict)
        run = Run(experiment, terminal, choice, wanted(args.do, choice))
        if STATUS in args.do:
            if len(args.do) > 1:
                raise InputError("-d status: name it alone: it says how things are, and runs nothing.")
            status(run)
            return 0
        if "train" not in run.stages:
            refuse_other_training(experiment)
        if args.dry_run:
            run.planning = True
            dry_run(run)
            return 0
        _check_napari(args, run.stages)
        _run(run)
        # Not while the experiment is locked.
        look(run, args.napari)
    except InputError as error:
        return _complain(str(error), INPUT_ERROR)
    except StageError as error:
        return _complain(str(error), STAGE_ERROR)
    except Exception as error:
        # No memory, a full disk, a folder that may not be written to: nothing that the code could mend.
        if out_of_memory(error):
            return _complain(no_memory(terminal.stage), STAGE_ERROR)
        refused = system_error(error)
        if refused is None:
            raise
        return _complain(in_words(refused, args.out if comparing else args.root), INPUT_ERROR)
    return 0


def _check_napari(args: argparse.Namespace, stages: Sequence[str]) -> None:
    """Refuse a window that cannot be opened before hours are spent on what it is to show."""
    if args.napari and "visualize" not in stages:
        raise InputError("--napari: shows what the stage visualize has drawn; add it to -d.")
    obstacle(args.napari)


def _run(run: Run) -> None:
    experiment = run.experiment
    folder, frozen = experiment.folder, experiment.folder / "config.toml"
    is_new = not folder.exists()
    with locked(folder):
        before = frozen.read_text(encoding="utf-8") if frozen.is_file() else None
        run.notes.config = before or ""
        recorder = Recorder(experiment, run.terminal, {"stages": list(run.stages), **asdict(run.choice)})
        try:
            with logging_to(folder / "run.log", experiment.config.general.logging):
                logging.getLogger(__name__).info("command: %s", shlex.join(sys.argv))
                write(_lasting(experiment.config), frozen)
                with recorder:
                    _logged(run, recorder)
        except InputError:
            if not recorder.finished:
                recorder.take_back()
                _take_back(frozen, before, is_new)
            raise


def _logged(run: Run, recorder: Recorder) -> None:
    try:
        run_stages(run, recorder)
    except (InputError, StageError, KeyboardInterrupt) as error:
        logging.getLogger(__name__).error("%s", error)
        raise
    except BaseException:
        logging.getLogger(__name__).exception("ended before its time")
        raise


def _lasting(config: Config) -> Config:
    """Give what is kept of a configuration: to overwrite is asked for one command, not for those that go on."""
    return config.model_copy(update={"general": config.general.model_copy(update={"overwrite": False})})


def _take_back(frozen: Path, before: str | None, is_new: bool) -> None:
    """Leave no trace of a command whose input was bad from the start; the lock removes a folder that is empty."""
    if before is not None:
        write_text(frozen, before)
        return
    frozen.unlink(missing_ok=True)
    if is_new:
        frozen.with_name("run.log").unlink(missing_ok=True)


def _complain(message: str, status: int) -> int:
    # Names of files and keys may be anything, also what a terminal would obey.
    shown = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in message)
    print(shown, file=sys.stderr)
    return status


def _experiment(args: argparse.Namespace, terminal: Terminal) -> Experiment:
    """Folder and effective configuration of the experiment that the arguments name."""
    root, name = Path(_absolute(args.root, "--root")), _name(args)
    # A debug run has a folder of its own, and at first the configuration of the experiment that it is a copy of.
    names = [f"{name.removesuffix(SUFFIX)}{SUFFIX}", name] if args.debug_args else [name]
    frozen = next((path for name in names if (path := root / name / "config.toml").is_file()), None)
    given = _given(args)
    if frozen and (args.run_from_exp or not (args.app or args.config)):
        places = [ConfigFile.read(frozen)]
        if args.config:
            terminal.say(f"--run_from_exp: the configuration is {frozen}; -c {' -c '.join(args.config)} is not used")
    elif args.app or args.config:
        places = given
    else:
        missing = root / name / "config.toml"
        raise InputError(f"{missing}: there is no such experiment; give -c, or -a and -s, to begin one.")
    places = [*places, ConfigFile("command line", _overrides(args))]
    config = load(places)
    if args.app and not (frozen or args.setup or args.config):
        _name_setups(args.app, config, terminal)
    if args.debug_args:
        before, config = config, load([*places, ConfigFile("--debug_args", debug_tables(config))])
        for line in changes(before, config):
            terminal.say(f"--debug_args: {line}")
    experiment = Experiment(root / names[0], _resolve(config, root))
    return experiment


def _name_setups(app: str, config: Config, terminal: Terminal) -> None:
    if setups := known()[app]:
        terminal.say(
            f"-a {app} without -s: {config.model.method}, {config.training.max_iterations:,} iterations, "
            f"no parameters to choose from. Setups to choose with -s: {', '.join(setups)}."
        )


def _given(args: argparse.Namespace) -> list[ConfigFile]:
    """Configuration that the arguments name, least important first: of the application, of the setup, by file."""
    files = [_read(Path(path), args) for path in args.config]
    # The built-in defaults are merged first in any case; once more, on top, they would undo application and setup.
    files = [file for file in files if file.tables != defaults().tables]
    named = [find_config(args.app)] if args.app else []
    if args.setup and not args.app:
        raise InputError(f"-s {args.setup}: of which application? Name it with -a. (-id names an experiment.)")
    if args.setup:
        named.append(find_config(args.app, args.setup))
    return [*(ConfigFile.read(path) for path in named), *files]


def _read(path: Path, args: argparse.Namespace) -> ConfigFile:
    try:
        return ConfigFile.read(path)
    except InputError as error:
        if path.exists() or not args.setup:
            raise
        # The original had the file of its setup named as well, by a path of its own.
        raise InputError(f"{error} If it is that of the setup, leave it out: -s {args.setup} reads it.") from None


def _name(args: argparse.Namespace) -> str:
    """Name of the experiment's folder: the same for the same command, so that it goes on."""
    if args.exp_id:
        return experiment_name(args.exp_id, "-id")
    parts = [part for part in (args.app, args.setup) if part]
    if not parts:
        parts = [Path(path).stem for path in args.config[-1:]]
    if not parts:
        raise InputError("Which experiment? Name one with -a and -s, with a file (-c), or an existing one with -id.")
    name = "_".join(parts if args.seed is None else [*parts, f"seed{args.seed}"])
    return experiment_name(name, "the name of the experiment, after the last file (-id gives another)")


def _overrides(args: argparse.Namespace) -> dict[str, Any]:
    keys = ("train_data", "val_data", "test_data", "input_format")
    data = {key: getattr(args, key) for key in keys if getattr(args, key) is not None}
    tables: dict[str, Any] = {"data": data} if data else {}
    general = {"seed": args.seed, "overwrite": args.overwrite or None}
    if given := {key: value for key, value in general.items() if value is not None}:
        tables["general"] = given
    if args.do_detection is not None:
        tables["evaluation"] = {"do_detection": args.do_detection}
    validation = {"param_product": args.param_product, "on_train": args.validate_on_train}
    if args.trained_model:
        validation["trained_models"] = [run for runs in args.trained_model for run in runs]
    if given := {key: value for key, value in validation.items() if value is not None}:
        tables["validation"] = given
    return tables


def _resolve(config: Config, root: Path) -> Config:
    """Make paths absolute, so that the frozen configuration serves from any folder."""
    places = ("path", "train_data", "val_data", "test_data")
    absolute = {key: _absolute(place, f"data.{key}") for key in places if (place := getattr(config.data, key))}
    tables: dict[str, Any] = {"data": config.data.model_copy(update=absolute)}
    if config.init.checkpoint:
        checkpoint = _absolute(config.init.checkpoint, "init.checkpoint")
        tables["init"] = config.init.model_copy(update={"checkpoint": checkpoint})
    # Each once, however often it is named.
    runs = list(dict.fromkeys(str(_run_folder(run, root)) for run in config.validation.trained_models))
    tables["validation"] = config.validation.model_copy(update={"trained_models": runs})
    return config.model_copy(update=tables)


def _run_folder(run: str, root: Path) -> Path:
    """Folder of an experiment, by its path or by its name under the root."""
    place, named = Path(_absolute(run, "validation.trained_models")), root / run
    return named if named.is_dir() and not place.is_dir() else place


def _absolute(place: str, key: str) -> str:
    """Make a path absolute; refuse what can be none: a name that is too long, links in a circle, nobody's home."""
    try:
        path = Path(place).expanduser().resolve()
        path.exists()
        str(path).encode()
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{key}: {place[:200]!r}: cannot be a path: {reason}.") from None
    return str(path)
