"""The runs of a sweep: each an experiment with a configuration that was checked."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from auxcpvloss.config import Config, ConfigFile, write
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.sweep.expand import Planned, expand
from auxcpvloss.sweep.file import SweepFile
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.names import experiment_name
from auxcpvloss.which_experiment import given, resolved

FOLDER = "sweep"
"""Beside the experiments: configurations, and what each run printed."""


@dataclass(frozen=True)
class SweepRun:
    """One experiment of a sweep.

    Attributes
    ----------
    name, group : str
        See `expand.Planned`.
    root : Path
        Folder of all experiments of the sweep.
    config : Config
    """

    name: str
    group: str
    root: Path
    config: Config

    @property
    def experiment(self) -> Experiment:
        """The experiment, made or not."""
        return Experiment(self.root / self.name, self.config)

    @property
    def config_path(self) -> Path:
        """The file that the run is given, with all keys."""
        return self.root / FOLDER / f"{self.name}.toml"

    @property
    def output_path(self) -> Path:
        """What the run printed last."""
        return self.root / FOLDER / f"{self.name}.txt"

    def write_config(self) -> None:
        """Write `config_path`."""
        self.config_path.parent.mkdir(parents=True, exist_ok=True)
        write(self.config, self.config_path)


def runs_of(sweep: SweepFile, path: Path, root: Path) -> list[SweepRun]:
    """Give the runs of a sweep, whose configurations are checked; nothing is written.

    Parameters
    ----------
    sweep : SweepFile
    path : Path
        Of its file.
    root : Path
        Folder of the experiments.

    Raises
    ------
    InputError
        Of the first run with a key that is wrong; or as of `expand`.
    """
    files = [str(path.parent / Path(name).expanduser()) for name in sweep.config]
    common = given(argparse.Namespace(app=sweep.app, setup=sweep.setup, config=files))
    return [_run(planned, common, path, root) for planned in expand(sweep, path.stem)]


def _run(planned: Planned, common: list[ConfigFile], path: Path, root: Path) -> SweepRun:
    name = experiment_name(planned.name, f"{path}: the name of a run")
    if name == FOLDER:
        raise InputError(f"{path}: a run cannot be called {name!r}, as the folder of its configurations is.")
    config = load([*common, ConfigFile(f"{path}: {name}", planned.keys)])
    return SweepRun(name, planned.group, root, resolved(config, root))
