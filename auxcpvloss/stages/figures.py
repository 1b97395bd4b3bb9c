"""All figures of one experiment that are made from what training and validation wrote down."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from matplotlib.figure import Figure

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import selection_record
from auxcpvloss.looking.figures.training import training_curves
from auxcpvloss.looking.figures.validation import place_of, validation_surface
from auxcpvloss.looking.figures.vectors import vectors_figure
from auxcpvloss.stages.curves import log_of, surface_of, validation_log_of, vectors_of
from auxcpvloss.system.errors import InputError

T = TypeVar("T")


def experiment_figures(experiment: Experiment) -> tuple[dict[str, Figure], list[str]]:
    """Draw what training and validation wrote down, as far as it can be read.

    Returns
    -------
    figures : dict of name to Figure
        "training", "validation" and "vectors", those of them that there is data for.
    problems : list of str
        A line for each file that is damaged.

    Raises
    ------
    InputError
        The selection is damaged.
    """
    figures: dict[str, Figure] = {}
    problems: list[str] = []

    surface, record = _read(surface_of, experiment, problems), selection_record(experiment)
    selected = None if record is None else int(record["checkpoint"])
    if (log := _read(log_of, experiment, problems)) is not None:
        best = {} if surface is None else dict(zip(surface.checkpoints, np.nanmax(surface.values, axis=0), strict=True))
        validation = _read(validation_log_of, experiment, problems)
        figures["training"] = training_curves(log, validation, best, experiment.metric, selected)
    if surface is not None:
        winner = None if record is None else place_of(surface, int(record["checkpoint"]), record["params"])
        figures["validation"] = validation_surface(surface, winner)
    if (vectors := _read(vectors_of, experiment, problems)) is not None:
        title = f"a patch of the training, iteration {vectors.iteration}"
        figures["vectors"] = vectors_figure(vectors.raw, vectors.predicted, vectors.target, title=title)
    return figures, problems


def _read(reader: Callable[[Experiment], T | None], experiment: Experiment, problems: list[str]) -> T | None:
    try:
        return reader(experiment)
    except InputError as error:
        problems.append(str(error))
        return None
