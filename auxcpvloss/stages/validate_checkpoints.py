"""Find the checkpoint and the post-processing parameters that do best on the validation volumes."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from auxcpvloss.data.samples import Sample
from auxcpvloss.errors import InputError
from auxcpvloss.experiment import Experiment, Selection, plain
from auxcpvloss.files import write_text
from auxcpvloss.methods import Params
from auxcpvloss.stages.labelling import label_sample
from auxcpvloss.stages.needs import lacking, need_masks
from auxcpvloss.stages.predicting import predict_samples
from auxcpvloss.stages.scoring import evaluate_sample, metric_value
from auxcpvloss.terminal import Terminal


@dataclass(frozen=True)
class Score:
    """Mean of the metric over the validation volumes, and how many of them were scored now."""

    checkpoint: int
    params: Params
    value: float
    made: int


def validate_checkpoints(experiment: Experiment, terminal: Terminal) -> None:
    """Predict, label and evaluate the validation volumes with every checkpoint and set of parameters.

    Writes ``val/scores.csv`` and, for the stages to come, ``val/selection.toml``.

    Raises
    ------
    InputError
        No validation volumes, or no checkpoints.
    """
    samples = validation_samples(experiment)
    checkpoints = _checkpoints(experiment)
    sets = parameter_sets(experiment)
    scores: list[Score] = []
    with terminal.progress("checkpoints x parameters", len(checkpoints) * len(sets)) as bar:
        for checkpoint in checkpoints:
            predict_samples(experiment, "val", checkpoint, samples, bar.note)
            for params in sets:
                bar.update(len(scores), f"checkpoint {checkpoint}, {params.slug()}")
                scores.append(score_checkpoint(experiment, checkpoint, params, samples))
    # The first of equals: the earlier checkpoint.
    best = max(scores, key=lambda score: score.value)
    _write_scores(experiment, scores)
    made_from = {"samples": [sample.name for sample in samples], "checkpoints": checkpoints, "sets": len(sets)}
    experiment.write_selection(Selection(best.checkpoint, best.params), grids(experiment), best.value, plain(made_from))
    if best.value == 0:
        terminal.warn(
            "no checkpoint finds anything with any of the parameters. Train longer (training.max_iterations), or try "
            "lower thresholds ([validation])."
        )
    whole = "" if any(score.made for score in scores) else "whole already: "
    terminal.say(
        f"{whole}best of {len(checkpoints)} checkpoints x {len(sets)} parameter sets on {len(samples)} volumes: "
        f"checkpoint {best.checkpoint}, {best.params.describe()}: {experiment.metric} = {best.value:.3f}"
    )


def grids(experiment: Experiment) -> dict[str, list[Any]]:
    """Give the parameters that validation has to choose, each with the values to try."""
    fields = experiment.method.params.model_fields
    return {name: values for name in fields if (values := getattr(experiment.config.validation, name))}


def parameter_sets(experiment: Experiment) -> list[Params]:
    """The lists of [validation], entry by entry or in every combination, over the values of [postprocessing]."""
    base, lists = experiment.params, grids(experiment)
    if not lists:
        return [base]
    product_wanted = experiment.config.validation.param_product
    rows = product(*lists.values()) if product_wanted else zip(*lists.values(), strict=True)
    sets = (base.model_copy(update=dict(zip(lists, row, strict=True))) for row in rows)
    # Sets that differ in parameters without effect only are the same.
    return list({params.slug(): params for params in sets}.values())


def validation_samples(experiment: Experiment) -> list[Sample]:
    """Give the validation volumes that can be scored.

    Raises
    ------
    InputError
        There are none.
    """
    samples = [sample for sample in experiment.samples("val") if sample.has_truth]
    if not samples:
        raise lacking("val")
    if not experiment.is_detection:
        need_masks(experiment, samples)
    return samples


def _checkpoints(experiment: Experiment) -> list[int]:
    wanted, there = experiment.config.validation.checkpoints, experiment.checkpoints()
    if not there:
        raise InputError(f"{experiment.train_folder}: no checkpoints to validate. Run the stage train.")
    for checkpoint in wanted:
        experiment.need_checkpoint(checkpoint)
    return sorted(wanted) or there


def score_checkpoint(experiment: Experiment, checkpoint: int, params: Params, samples: list[Sample]) -> Score:
    """Label and evaluate predicted volumes; what is whole already is not made again."""
    values, made = [], 0
    for sample in samples:
        label_sample(experiment, "val", checkpoint, params, sample)
        table, new = evaluate_sample(experiment, "val", checkpoint, params, sample)
        values.append(metric_value(experiment, sample, table))
        made += new
    return Score(checkpoint, params, float(np.mean(values)), made)


def _write_scores(experiment: Experiment, scores: list[Score]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["checkpoint", *type(scores[0].params).model_fields, experiment.metric])
    for score in scores:
        writer.writerow([score.checkpoint, *score.params.model_dump().values(), f"{score.value:.6f}"])
    write_text(experiment.folder / "val" / "scores.csv", text.getvalue())
