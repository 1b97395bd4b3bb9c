"""The figures of the paper, from a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from auxcpvloss.data.missing_chunks import read
from auxcpvloss.data.open_samples import open_sample
from auxcpvloss.experiment.instances import compare, read_instances, stored_instances, without_file_format
from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.experiment.selection_file import read_selection
from auxcpvloss.looking.compare import reference
from auxcpvloss.looking.compare.comparison import RunComparison
from auxcpvloss.looking.compare.grouping import families
from auxcpvloss.looking.compare.reading import open_experiment, truth_in
from auxcpvloss.looking.compare.runs import AP, AVAP, EvaluatedRun, detection_path
from auxcpvloss.looking.figures.overlays import overlays
from auxcpvloss.looking.figures.palette import LINES, Palette
from auxcpvloss.looking.figures.scores import Floats, ap_over_iou, detection_boxes
from auxcpvloss.metrics.table import defined_numbers
from auxcpvloss.system.errors import InputError


class Drawn(NamedTuple):
    """A figure, the name of its files, and what it shows, for people."""

    name: str
    figure: Figure
    caption: str


def draw_scores(comparison: RunComparison, with_paper: bool) -> Iterator[Drawn]:
    """Draw figures 3 and 4; `with_paper`: with the numbers of the paper."""
    curves: dict[str, Floats] = {}
    paper_curves: dict[str, Floats] = {}
    boxes: dict[str, Floats] = {}
    paper_points: dict[str, float] = {}
    colors = {group.label: LINES[len(group.runs[0].auxiliary) % len(LINES)] for group in comparison.groups}
    for group in comparison.groups:
        scores = [each.mean(axis=1) for path in AP.values() if (each := group.units(path)) is not None]
        if scores:
            curves[group.label] = np.stack(scores, axis=1)
        published = [reference.segmentation_of(group, f"AP_{threshold:g}") for threshold in AP]
        if with_paper and None not in published:
            paper_curves[group.label] = np.array(published, np.float64)
        if (points := group.scores(detection_path(comparison.matching))) is not None:
            boxes[group.label] = points
        if with_paper and (point := reference.detection_of(group)) is not None:
            paper_points[group.label] = point
    if curves:
        caption = "AP over the IoU threshold: mean over runs, range of runs shaded (figure 3)."
        segmenting = [group for group in comparison.groups if group.label in curves]
        together = [{group.label: curves[group.label] for group in family} for family in families(segmenting)]
        yield Drawn("figure_3", ap_over_iou(together, paper_curves), caption)
    caption = "Detection: volumes of all runs, and the best and the worst run (figure 4)."
    yield Drawn("figure_4", detection_boxes(boxes, colors, paper_points), caption)


def draw_volumes(comparison: RunComparison, colors: Palette) -> tuple[list[Drawn], str]:
    """Draw figures 5 and 6, if any model makes instances; or say why there are none: data are not on this machine.

    Figure 5 shows the best run of each model on a volume that is neither the best nor the worst of the best run of
    the best model (by avAP), if there are three; figure 6, the worst and the best volume of this run.
    """
    segmenting = [(group, scores) for group in comparison.groups if (scores := group.units(AVAP)) is not None]
    if not segmenting:
        return [], ""
    best, _ = max(segmenting, key=lambda each: each[1].mean())
    runs = {group.name: group.runs[int(scores.mean(axis=1).argmax())] for group, scores in segmenting}
    run = runs[best.name]
    scored = {name: numbers for name, table in run.scores.items() if AVAP in (numbers := defined_numbers(table))}
    ranked = sorted(scored, key=lambda name: scored[name][AVAP])
    middle = ranked[len(ranked) // 2]
    extremes = {ranked[0]: "worst", ranked[-1]: "best"} if len(ranked) > 1 else {ranked[0]: "only"}
    try:
        models = [read_outcome(each, middle, name) for name, each in runs.items()]
        volumes = [read_outcome(run, volume, f"{which}: {volume}") for volume, which in extremes.items()]
    except InputError as error:
        return [], f"figures 5 and 6 are omitted because volumes or results are missing: {error}"
    return [
        Drawn("figure_5", overlays(models, colors), f"The best run of each model on the volume {middle} (figure 5)."),
        Drawn("figure_6", overlays(volumes, colors), f"{best.name}: worst and best volume of its best run (figure 6)."),
    ], ""


def read_outcome(run: EvaluatedRun, volume: str, name: str) -> Outcome:
    """Read what a run found in a volume, to be shown under a name.

    Raises
    ------
    InputError
        Volume or instances are not on this machine, or not those that were scored.
    """
    experiment = open_experiment(run.folder)
    place = next((each for each in experiment.volumes("test") if each.name == volume), None)
    sample = open_sample(experiment.sample_path(place)) if place else None
    if sample is None or not sample.has_labels:
        raise InputError(f"{run.name}: the prepared volume {volume} is missing")
    if truth_in(sample.made_from) != run.truth[volume]:
        raise InputError(f"{run.name}: {volume} has changed since it was scored")
    selection = read_selection(experiment)
    path = experiment.instanced("test", selection.checkpoint, selection.params, volume)
    record = stored_instances(path).record
    if record is None or experiment.records.digest(without_file_format(record)) != run.instances[volume]:
        raise InputError(f"{path}: has changed since it was scored. Run the stages label and evaluate.")
    sample = sample.original
    found = compare(experiment, sample, read_instances(path), read(sample.labels))
    return Outcome(name, read(sample.raw), found, voxel_size=sample.voxel_size)
