"""The figures of one experiment, from what training and validation wrote down."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.means import checkpoint_from
from auxcpvloss.experiment.selection_file import selection_record
from auxcpvloss.experiment.training_files import WAITED, log_problem
from auxcpvloss.experiment.validation import read_scores
from auxcpvloss.looking.figures.training import training_curves
from auxcpvloss.looking.figures.validation import ScoreGrid, validation_surface
from auxcpvloss.looking.figures.vectors import vectors_figure
from auxcpvloss.system.checksums import reading_hdf
from auxcpvloss.system.errors import InputError

T = TypeVar("T")
Argument = TypeVar("Argument")
WORDS = ["metric", "params"]
NOT_LOSSES = ["learning_rate", "iterations_per_second", WAITED, *WORDS]


def experiment_figures(experiment: Experiment) -> tuple[dict[str, Figure], list[str]]:
    """Draw "training", "validation" and "vectors", as far as there is data that can be read.

    Returns
    -------
    (figures, problems)
        Figures by name, and a line for each file that is damaged.

    Raises
    ------
    InputError
        The selection is damaged.
    """
    figures: dict[str, Figure] = {}
    problems: list[str] = []

    def read(reader: Callable[[Argument], T | None], argument: Argument) -> T | None:
        try:
            return reader(argument)
        except InputError as error:
            problems.append(str(error))
            return None

    grid, record = read(read_grid, experiment), selection_record(experiment)
    selected = None if record is None else checkpoint_from(str(record["checkpoint"]))
    if (log := read(_read_log_of(experiment), "log.csv")) is not None:
        best = {} if grid is None else dict(zip(grid.checkpoints, np.nanmax(grid.values, axis=0), strict=True))
        validation = read(_read_log_of(experiment), "validation.csv")
        figures["training"] = training_curves(log, validation, best, experiment.metric, selected)
    if grid is not None:
        winner = None if record is None or selected is None else grid.place(selected, record["params"])
        figures["validation"] = validation_surface(grid, winner)
    snapshot = experiment.newest_snapshot
    if snapshot and (vectors := read(read_vectors, snapshot)):
        title = f"a patch of the training, iteration {int(snapshot.stem.removeprefix('batch_'))}"
        figures["vectors"] = vectors_figure(*vectors, title)
    return figures, problems


def _read_log_of(experiment: Experiment) -> Callable[[str], pd.DataFrame | None]:
    """Give a reader of the logs of a training, by name, that refuses one that was changed or lost."""

    def read(name: str) -> pd.DataFrame | None:
        path = experiment.train_folder / name
        if problem := log_problem(experiment, name):
            raise InputError(f"{path}: {problem}. Only a new training makes it again.")
        return read_log(path)

    return read


def waited_for_data(experiment: Experiment) -> float | None:
    """Give the part of its time, 0..1, that the training waited for batches: the mean of its lines; None if unknown.

    Raises an InputError if log.csv is damaged.
    """
    log = None if log_problem(experiment, "log.csv") else _read_table(experiment.train_folder / "log.csv")
    return None if log is None or WAITED not in log else float(log[WAITED].mean())


def read_log(path: Path) -> pd.DataFrame | None:
    """Read losses and scores of a training, a row an iteration; None while there are none.

    Raises an InputError if the file is damaged.
    """
    table = _read_table(path)
    return None if table is None else table.drop(columns=NOT_LOSSES, errors="ignore")


def _read_table(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        # A line without an end is still being written.
        lines = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
        if len(lines) < 2:
            return None
        table = pd.read_csv(io.StringIO("".join(lines)), dtype={"iteration": np.int64})
        table = table.set_index("iteration")
        return table.astype({name: np.float64 for name in table if name not in WORDS})
    except (ValueError, KeyError) as error:
        raise InputError(f"{path}: not readable as a table of losses ({type(error).__name__}: {error}).") from None


def read_grid(experiment: Experiment) -> ScoreGrid | None:
    """Read the scores of all checkpoints with all parameters, ``val/scores.csv``; None while there are none.

    Raises an InputError if the table is damaged, or does not fit the method or the metric of the experiment.
    """
    path = experiment.selection_path.with_name("scores.csv")
    if not path.is_file():
        return None
    means = read_scores(path, experiment.method.params, experiment.metric)
    checkpoints = list(dict.fromkeys(checkpoint for checkpoint, _ in means))
    sets = list(dict.fromkeys(params for _, params in means))
    values = [[means.get((checkpoint, params), np.nan) for checkpoint in checkpoints] for params in sets]
    return ScoreGrid(checkpoints, [params.model_dump() for params in sets], np.array(values), experiment.metric)


def read_vectors(path: Path) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.float32]] | None:
    """Read the first patch of a snapshot: raw (Z, Y, X), predicted and true vectors (3, Z, Y, X); None if it has none.

    Raises an InputError if the file is damaged.
    """
    try:
        with reading_hdf(path) as file:
            volumes = file["volumes"]
            if "pred_cpv" not in volumes:
                return None
            target = volumes["gt_cpv"]
            # Targets lie in the middle of the input.
            corner = target.attrs["offset"]
            place = tuple(slice(first, first + size) for first, size in zip(corner, target.shape[2:], strict=True))
            return volumes["raw"][(0, 0, *place)], volumes["pred_cpv"][0], target[0]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({type(error).__name__}: {error}).") from None
