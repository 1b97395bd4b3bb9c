"""All figures of one experiment that are made from what training and validation wrote down."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from auxcpvloss.experiment import Experiment
from auxcpvloss.figures.training import training_curves
from auxcpvloss.figures.validation import place_of, validation_surface
from auxcpvloss.figures.vectors import vectors_figure
from auxcpvloss.selection import selection_record
from auxcpvloss.stages.curves import log_of, surface_of, validation_log_of, vectors_of


def experiment_figures(experiment: Experiment) -> dict[str, Figure]:
    """Give "training", "validation" and "vectors", those of them that there is data for.

    Raises
    ------
    InputError
        A file is damaged.
    """
    figures = {}
    surface, record = surface_of(experiment), selection_record(experiment)
    selected = None if record is None else int(record["checkpoint"])
    if (log := log_of(experiment)) is not None:
        best = {} if surface is None else dict(zip(surface.checkpoints, np.nanmax(surface.values, axis=0), strict=True))
        figures["training"] = training_curves(log, validation_log_of(experiment), best, experiment.metric, selected)
    if surface is not None:
        winner = None if record is None else place_of(surface, int(record["checkpoint"]), record["params"])
        figures["validation"] = validation_surface(surface, winner)
    if (vectors := vectors_of(experiment)) is not None:
        title = f"a patch of the training, iteration {vectors.iteration}"
        figures["vectors"] = vectors_figure(vectors.raw, vectors.predicted, vectors.target, title=title)
    return figures
