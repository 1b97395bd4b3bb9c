"""Volumes and results of runs, for pictures of them: where they are still there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.samples import open_sample
from auxcpvloss.data.whole import read
from auxcpvloss.experiment.instances import (
    as_scored,
    read_instances,
    scored_points,
    stored_instances,
    without_file_format,
)
from auxcpvloss.experiment.selection import read_selection
from auxcpvloss.looking.compare.comparison import AVAP, Comparison, Run
from auxcpvloss.looking.compare.reading import TRUTH, open_experiment
from auxcpvloss.looking.outcome import Outcome
from auxcpvloss.metrics.table import value_at
from auxcpvloss.system.errors import InputError


@dataclass(frozen=True)
class Views:
    """What figures 5 and 6 show.

    Attributes
    ----------
    volume : str
        One where the best run of the best model is neither at its best nor at its worst, if there are three.
    models : list of Outcome
        The best run of each model there.
    best : str
        The model with the highest avAP.
    volumes : list of Outcome
        Its best run where that is worst and best.
    """

    volume: str
    models: list[Outcome]
    best: str
    volumes: list[Outcome]


def views(comparison: Comparison) -> Views | None:
    """Read what figures 5 and 6 show; None where no model makes instances.

    Raises
    ------
    InputError
        Volumes or results are not on this machine.
    """
    segmenting = [(group, scores) for group in comparison.groups if (scores := group.scores(AVAP)) is not None]
    if not segmenting:
        return None
    best, _ = max(segmenting, key=lambda each: each[1].mean())
    runs = {group.name: group.runs[int(scores.mean(axis=1).argmax())] for group, scores in segmenting}
    run = runs[best.name]
    scored = {name: table for name, table in run.scores.items() if "avAP" in table["confusion_matrix"]}
    ranked = sorted(scored, key=lambda name: value_at(scored[name], AVAP))
    middle = ranked[len(ranked) // 2]
    extremes = {ranked[0]: "worst", ranked[-1]: "best"} if len(ranked) > 1 else {ranked[0]: "only"}
    return Views(
        volume=middle,
        models=[read_view(each, middle, name) for name, each in runs.items()],
        best=best.name,
        volumes=[read_view(run, volume, f"{which}: {volume}") for volume, which in extremes.items()],
    )


def read_view(run: Run, volume: str, name: str) -> Outcome:
    """Read a volume, its ground truth, and the instances that a run found in it.

    Raises
    ------
    InputError
        They are not on this machine, or not those that were scored.
    """
    experiment = open_experiment(run.folder)
    place = next((each for each in experiment.volumes("test") if each.name == volume), None)
    sample = open_sample(experiment.sample_path(place)) if place else None
    if sample is None or not sample.has_labels:
        raise InputError(f"{run.name}: the prepared volume {volume} is not there")
    if {key: sample.made_from[key] for key in TRUTH} != run.truth[volume]:
        raise InputError(f"{run.name}: {volume} is not the volume any more that was scored")
    selection = read_selection(experiment)
    path = experiment.instanced("test", selection.checkpoint, selection.params, volume)
    record = stored_instances(path).record
    if record is None or experiment.records.digest(without_file_format(record)) != run.instances[volume]:
        raise InputError(f"{path}: not the instances that were scored. Run the stages label and evaluate.")
    truth: NDArray[np.uint32] = read(sample.labels)
    found = as_scored(read_instances(path), truth, experiment.config.evaluation)
    detections = scored_points(experiment.config.evaluation, found, truth, sample)
    return Outcome(name, read(sample.raw), found, truth, detections, sample.voxel_size)
