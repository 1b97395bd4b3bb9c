"""Find the experiment that the arguments name, and its effective configuration."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auxcpvloss.config import Config, ConfigFile, defaults, find_config, find_setup, known
from auxcpvloss.config.tables import Data
from auxcpvloss.config.tables.data import Degrade
from auxcpvloss.data.degrade import OFF, of_split, record_of
from auxcpvloss.data.sources import FORMATS
from auxcpvloss.experiment import pretrained
from auxcpvloss.experiment.configuration import is_edited, load
from auxcpvloss.experiment.configured import TEST
from auxcpvloss.experiment.debug import SUFFIX, changes, debug_tables
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.methods import AUXILIARY, method_of
from auxcpvloss.network.architectures.encoders import IMAGENET
from auxcpvloss.system.checksums import CHANGED
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.names import experiment_name
from auxcpvloss.system.terminal import Terminal

PLACES = ("path", "train_data", "val_data", "test_data", "unlabelled_data")
"""Keys of [data] that are paths."""


def which_experiment(args: argparse.Namespace, terminal: Terminal) -> Experiment:
    """Return folder and effective configuration of the experiment that the arguments name.

    Raises an `InputError` if the arguments name no experiment, or its configuration is wrong.
    """
    root, name = Path(_absolute(args.root, "--root")), _name(args)
    # A debug run has its own folder, but starts from the configuration of the experiment.
    names = [f"{name.removesuffix(SUFFIX)}{SUFFIX}", name] if args.debug_args else [name]
    frozen = next((path for name in names if (path := root / name / "config.toml").is_file()), None)
    files = given(args)
    if frozen and (args.run_from_exp or not (args.app or args.config)):
        places = [ConfigFile.read(frozen)]
        if is_edited(frozen):
            terminal.warn(f"{frozen}: {CHANGED}; it is used as it is now")
        if args.config:
            terminal.say(f"--run_from_exp: using the configuration {frozen}; -c {' -c '.join(args.config)} is not used")
    elif args.app or args.config:
        places = files
    elif args.ensemble:
        # What members have in common is that of the first one.
        places = [ConfigFile.read(Path(_run_folder(args.ensemble[0], root, "--ensemble")) / "config.toml")]
    else:
        missing = root / name / "config.toml"
        raise InputError(f"{missing}: there is no such experiment; to create one, give -c, or -a and -s.")
    places.append(ConfigFile("command line", _overrides(args)))
    config = load(places)
    if args.app and not (frozen or args.setup or args.config):
        terminal.say(
            f"-a {args.app} without -s: {method_of(config).name}, {config.training.max_iterations:,} iterations, "
            f"no parameters to choose from. Setups to choose with -s: {', '.join(known()[args.app])}."
        )
    if args.debug_args:
        before, config = config, load([*places, ConfigFile("--debug_args", debug_tables(config))])
        for line in changes(before, config):
            terminal.say(f"--debug_args: {line}")
    experiment = Experiment(root / names[0], resolved(config, root))
    if not (args.test_data and frozen and frozen.parent == experiment.folder):
        return experiment
    return replace(experiment, other_test=_other_test(experiment.config.data, own_test_data(frozen)))


def own_test_data(frozen: Path) -> dict[str, Any]:
    """Read which test volumes a stored configuration is about: keys of [data]."""
    data = ConfigFile.read(frozen).tables.get("data", {})
    return {key: data.get(key, "") for key in ("test_data", "path", "input_format")} | {
        "test_format": data.get("test_format", "auto"),
        "test_voxel_size": tuple(data.get("test_voxel_size", ())),
        "degrade": _own_degrade(frozen, data.get("degrade", {})),
    }


def _own_degrade(frozen: Path, table: Mapping[str, Any]) -> Degrade:
    try:
        return Degrade(**{**OFF, **table})
    except (TypeError, ValidationError):
        raise InputError(f"{frozen}: data.degrade: damaged. Restore the file, or run without --test-data.") from None


def _other_test(data: Data, own: Mapping[str, Any]) -> str:
    """Name the folder of the results of test volumes, given with --test-data, that are not the experiment's own.

    Those made worse in another way (data.degrade) are others.
    """
    place = own["test_data"] or own["path"]
    is_generated = own["input_format"] in FORMATS and FORMATS[own["input_format"]].is_generated
    worse = record_of(of_split(data.degrade, TEST))
    is_other = worse != record_of(of_split(own["degrade"], TEST))
    if (data.test_data == place and not is_other) or not (place or is_generated):
        return ""
    text = data.test_data + (json.dumps(worse) if is_other else "")
    # As short as the name of a folder must be.
    return f"{Path(data.test_data).stem[:50]}-{sha256(text.encode()).hexdigest()[:8]}"


def given(args: argparse.Namespace) -> list[ConfigFile]:
    """Read the configuration that the arguments name, in order: application, setup, files."""
    files = [_read(Path(path), args) for path in args.config]
    # The built-in defaults are always merged first; merged again on top, they would undo application and setup.
    files = [file for file in files if file.tables != defaults().tables]
    named = [ConfigFile.read(find_config(args.app))] if args.app else []
    if args.setup and not args.app:
        raise InputError(
            f"-s {args.setup}: no application given. Choose one with -a. (To name an experiment, use -id.)"
        )
    if args.setup:
        named += find_setup(args.app, args.setup, AUXILIARY)
    return [*named, *files]


def _read(path: Path, args: argparse.Namespace) -> ConfigFile:
    try:
        return ConfigFile.read(path)
    except InputError as error:
        if path.exists() or not args.setup:
            raise
        # Commands for the original program also name the file of the setup, by another path.
        raise InputError(
            f"{error} If this is the file of the setup, omit it: -s {args.setup} already reads it."
        ) from None


def _name(args: argparse.Namespace) -> str:
    """Name the experiment's folder: the same command always gives the same name, so that it can continue."""
    if args.exp_id:
        return experiment_name(args.exp_id, "-id")
    parts = [part for part in (args.app, args.setup) if part] or [Path(path).stem for path in args.config[-1:]]
    if not parts:
        raise InputError("No experiment given. Use -a and -s, a file (-c), or -id for an existing one.")
    name = "_".join(parts if args.seed is None else [*parts, f"seed{args.seed}"])
    return experiment_name(name, "the name of the experiment, after the last file (choose another with -id)")


def _overrides(args: argparse.Namespace) -> dict[str, Any]:
    """Return the keys that arguments set."""
    runs = [run for runs in args.trained_model or [] for run in runs] or None
    validation = {"param_product": args.param_product, "on_train": args.validate_on_train, "trained_models": runs}
    places = {key: getattr(args, key) for key in ("train_data", "val_data", "test_data")}
    of_test = places["test_data"] and not (places["train_data"] or places["val_data"])
    tables = {
        "data": {
            **places,
            "test_format" if of_test else "input_format": args.input_format,
            "test_voxel_size" if of_test else "voxel_size": args.voxel_size,
        },
        "general": {"seed": args.seed, "overwrite": args.overwrite or None},
        "evaluation": {"do_detection": args.do_detection},
        "validation": validation,
        "prediction": {"ensemble": args.ensemble},
    }
    given = {name: {key: value for key, value in table.items() if value is not None} for name, table in tables.items()}
    return {name: table for name, table in given.items() if table}


WORDS = {"checkpoint": pretrained.NAME, "encoder_weights": IMAGENET}
"""Values of keys of paths that are no paths."""


def resolved(config: Config, root: Path) -> Config:
    """Make paths absolute, so that the stored configuration is valid in any folder."""
    changed: dict[str, Any] = {}
    for name, keys in {"data": PLACES, "init": ("checkpoint", "encoder_weights")}.items():
        table = getattr(config, name)
        named = {key: place for key in keys if (place := getattr(table, key)) and WORDS.get(key) != place}
        paths = {key: _absolute(place, f"{name}.{key}") for key, place in named.items()}
        changed[name] = table.model_copy(update=paths)
    for name, key in {"validation": "trained_models", "prediction": "ensemble"}.items():
        table = getattr(config, name)
        # Each once, however often it is named.
        runs = list(dict.fromkeys(_run_folder(run, root, f"{name}.{key}") for run in getattr(table, key)))
        changed[name] = table.model_copy(update={key: runs})
    return config.model_copy(update=changed)


def _run_folder(run: str, root: Path, key: str) -> str:
    """Find the folder of an experiment by its path, or by its name under the root."""
    place, named = _absolute(run, key), root / run
    return str(named) if named.is_dir() and not Path(place).is_dir() else place


def _absolute(place: str, key: str) -> str:
    """Make a path absolute; refuse impossible ones: too long, circular links, the home of an unknown user."""
    try:
        path = Path(place).expanduser().resolve()
        path.exists()
        str(path).encode()
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{key}: {place[:200]!r}: cannot be a path: {reason}.") from None
    return str(path)
