"""The command ``auxcpvloss import-results``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment.configuration import load, refuse_edited
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.methods.external import EXTERNAL
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.names import experiment_name
from auxcpvloss.system.terminal import Parser, Terminal

NAME = "import-results"

TAKEN = ("data", "preprocessing", "evaluation")
"""Tables of the configuration that concern external results, too."""

DESCRIPTION = """\
Make an experiment of the instances that another program found in the test volumes, and score them: the stages label
and evaluate. Later stages (export, report) and auxcpvloss compare take it like any other experiment. Label images are
.tif, .npy, .zarr, .n5, .h5 or .hdf files with the names of the volumes: 0 for background, a number for each nucleus.
Repeat the command when they have changed. docs/external.md"""


def parser() -> argparse.ArgumentParser:
    """Give the parser of the arguments after ``import-results``."""
    result = Parser(prog=f"auxcpvloss {NAME}", description=DESCRIPTION)
    add = result.add_argument
    add("results", type=Path, metavar="FOLDER", help="folder of the label images")
    add("--name", required=True, help="name of the program, for tables and figures")
    like = "experiment with the same test volumes, by folder or by name in --root: its data and evaluation are taken"
    add("--like", metavar="EXPERIMENT", help=like)
    files = "toml file with [data] and [evaluation], instead of --like or over it; can be repeated"
    add("-c", "--config", action="append", default=[], metavar="FILE", help=files)
    add("--test-data", metavar="FOLDER", help="test volumes (data.test_data)")
    root = "folder of all experiments (default: that of --like, else experiments)"
    add("-r", "--root", help=root)
    add("-id", "--exp-id", metavar="NAME", help="name of the experiment's folder (default: --name, with the seed)")
    pattern = 'name of the label image of the volume {name}, without suffix, such as "{name}_labels"'
    add("--pattern", default="{name}", help=pattern)
    add("--key", default="", help="array in zarr, N5 and HDF5 files (default: volumes/instances, or the only one)")
    add("--seed", type=int, help="seed that the program was trained with: runs of several seeds form a group")
    add("--note", default="", help="what readers should know, such as version, training time and thresholds")
    add("--dry-run", action="store_true", help="show what would run; change nothing")
    stages: dict[str, Any] = {"do": ["label", "evaluate"], "napari": False}
    result.set_defaults(**stages, test_checkpoint="best", checkpoint=None, term_after_predict=False)
    return result


def external_experiment(args: argparse.Namespace, terminal: Terminal) -> Experiment:
    """Give the experiment of the results that the arguments name.

    Raises
    ------
    InputError
        The arguments name no data, the folder is one of another experiment, or the configuration is wrong.
    """
    if not (args.like or args.config or args.test_data):
        raise InputError("no test volumes given; use --like EXPERIMENT, or -c or --test-data.")
    like = _folder(args.like, Path(args.root or "experiments")) if args.like else None
    args.root = args.root or (str(like.parent) if like else "experiments")
    places = [_of_experiment(like)] if like else []
    places += [ConfigFile(file, _taken(ConfigFile.read(Path(file)).tables)) for file in args.config]
    places.append(ConfigFile("command line", _given(args)))
    default = args.name if args.seed is None else f"{args.name}_seed{args.seed}"
    name = experiment_name(args.exp_id or default, "-id" if args.exp_id else "--name")
    folder = Path(args.root).expanduser().resolve() / name
    _refuse_other(folder)
    return Experiment(folder, load(places))


def _folder(named: str, root: Path) -> Path:
    """Find the experiment of --like by its path, or by its name under the root."""
    for place in (Path(named).expanduser(), root.expanduser() / named):
        if (place / "config.toml").is_file():
            return place.resolve()
    raise InputError(f"--like {named}: no experiment: there is no {root / named / 'config.toml'}.")


def _of_experiment(folder: Path) -> ConfigFile:
    refuse_edited(folder / "config.toml")
    file = ConfigFile.read(folder / "config.toml")
    return ConfigFile(file.name, _taken(file.tables))


def _taken(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what concerns the volumes and how they are scored."""
    taken = {name: tables[name] for name in TAKEN if name in tables}
    model = tables.get("model", {})
    # Whether they are images or volumes, and the shapes that go with it.
    own = {"method", "auxiliary", *EXTERNAL.keys}
    shapes = {key: value for key, value in model.items() if key not in own and not key.startswith("loss_")}
    return {**taken, "model": shapes} if shapes else taken


def _given(args: argparse.Namespace) -> dict[str, Any]:
    model = {
        "method": EXTERNAL.base,
        "name": args.name,
        "results": str(args.results.expanduser().resolve()),
        "results_pattern": args.pattern,
        "results_key": args.key,
        "note": args.note,
    }
    tables: dict[str, Any] = {"model": model}
    if args.test_data:
        tables["data"] = {"test_data": str(Path(args.test_data).expanduser().resolve())}
    if args.seed is not None:
        tables["general"] = {"seed": args.seed}
    return tables


def _refuse_other(folder: Path) -> None:
    """Refuse the folder of an experiment with a network."""
    frozen = folder / "config.toml"
    if frozen.is_file() and ConfigFile.read(frozen).tables.get("model", {}).get("method") != EXTERNAL.base:
        raise InputError(f"{folder}: is an experiment with a network; choose another name with -id.")
