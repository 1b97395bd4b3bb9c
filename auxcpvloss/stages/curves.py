"""What training and validation wrote down, as plain data for figures."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.looking.figures.training import Curves
from auxcpvloss.looking.figures.validation import Surface
from auxcpvloss.stages.validation_table import read_scores
from auxcpvloss.system.errors import InputError

NOT_LOSSES = ("iteration", "learning_rate", "iterations_per_second", "metric", "params")


class Vectors(NamedTuple):
    """A batch of the training: raw (Z, Y, X), predicted and true vectors (3, Z, Y, X), and its iteration."""

    iteration: int
    raw: NDArray[Any]
    predicted: NDArray[np.float32]
    target: NDArray[np.float32]


def log_of(experiment: Experiment) -> Curves | None:
    """Read the losses of a training, ``train/log.csv``; None while there are none.

    Raises
    ------
    InputError
        The file is damaged.
    """
    return _read(experiment.train_folder / "log.csv")


def validation_log_of(experiment: Experiment) -> Curves | None:
    """Read the losses and scores on the validation volumes, ``train/validation.csv``; None where there are none.

    Raises
    ------
    InputError
        The file is damaged.
    """
    return _read(experiment.train_folder / "validation.csv")


def _read(path: Path) -> Curves | None:
    if not path.is_file():
        return None
    try:
        # A line without an end is still being written.
        lines = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
        rows = list(csv.DictReader(lines, restval="short"))
        if not rows:
            return None
        names = [name for name in rows[0] if name not in NOT_LOSSES]
        values = {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}
        return Curves(np.array([int(row["iteration"]) for row in rows]), values)
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{path}: not readable as a table of losses ({type(error).__name__}: {error}).") from None


def surface_of(experiment: Experiment) -> Surface | None:
    """Read the scores of all checkpoints with all parameters, ``val/scores.csv``; None while there are none.

    Raises
    ------
    InputError
        The table does not fit the method or the metric of the experiment, or is damaged.
    """
    path = experiment.selection_path.with_name("scores.csv")
    if not path.is_file():
        return None
    means = read_scores(path, experiment.method.params, experiment.metric)
    checkpoints = list(dict.fromkeys(checkpoint for checkpoint, _ in means))
    sets = list(dict.fromkeys(params for _, params in means))
    values = [[means.get((checkpoint, params), np.nan) for checkpoint in checkpoints] for params in sets]
    return Surface(checkpoints, [params.model_dump() for params in sets], np.array(values), experiment.metric)


def newest_snapshot(experiment: Experiment) -> Path | None:
    """Give the path of the newest snapshot of a training; None where there is none."""
    return max((experiment.train_folder / "snapshots").glob("batch_*.hdf"), default=None)


def vectors_of(experiment: Experiment) -> Vectors | None:
    """Read the vectors of the newest snapshot of a training; None where it learns none, or there is no snapshot.

    Raises
    ------
    InputError
        The file is damaged.
    """
    path = newest_snapshot(experiment)
    if path is None:
        return None
    try:
        with h5py.File(path, "r") as file:
            volumes = file["volumes"]
            if "pred_cpv" not in volumes:
                return None
            predicted, target = volumes["pred_cpv"], volumes["gt_cpv"]
            # Targets lie in the middle of the input.
            place = tuple(
                slice(first, first + size) for first, size in zip(target.attrs["offset"], target.shape[2:], strict=True)
            )
            return Vectors(
                int(path.stem.removeprefix("batch_")), volumes["raw"][(0, 0, *place)], predicted[0], target[0]
            )
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({type(error).__name__}: {error}).") from None
