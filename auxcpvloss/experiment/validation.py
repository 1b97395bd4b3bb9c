"""What validation tries: checkpoints with sets of parameters; and its table of scores, ``val/scores.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from auxcpvloss.experiment.configuration import YOUNGER
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.means import Checkpoint, checkpoint_from
from auxcpvloss.experiment.results import ledger
from auxcpvloss.methods import Params
from auxcpvloss.system.checksums import CHANGED, file_digest
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text

Means = dict[tuple[Checkpoint, Params], float]


def is_refined(experiment: Experiment) -> bool:
    """Whether values between and beyond those of the lists are tried, and values where there are no lists."""
    if experiment.config.validation.refine != "auto":
        return experiment.config.validation.refine == "always"
    return not (_lists(experiment) or experiment.was_validated_plainly)


def grids(experiment: Experiment) -> dict[str, list[Any]]:
    """Give the parameters that validation has to choose, each with the values to try.

    Where [validation] lists none and refines, these are the method's own for what [postprocessing] leaves as it is.
    """
    lists = _lists(experiment)
    if lists or not is_refined(experiment):
        return lists
    fields, base = experiment.method.params.model_fields, experiment.params
    tried = type(base).to_try()
    return {name: tried[name] for name in fields if name in tried and getattr(base, name) == fields[name].default}


def _lists(experiment: Experiment) -> dict[str, list[Any]]:
    fields = experiment.method.params.model_fields
    return {name: values for name in fields if (values := getattr(experiment.config.validation, name))}


def is_combined(experiment: Experiment) -> bool:
    """Whether the lists are combined in every way; entry by entry otherwise."""
    return experiment.config.validation.param_product or not _lists(experiment)


def parameter_sets(experiment: Experiment) -> list[Params]:
    """Give the lists of [validation], entry by entry or in every combination, over the values of [postprocessing]."""
    base, lists = experiment.params, grids(experiment)
    if not lists:
        return [base]
    rows = product(*lists.values()) if is_combined(experiment) else zip(*lists.values(), strict=True)
    sets = (base.model_copy(update=dict(zip(lists, row, strict=True))) for row in rows)
    # Sets that differ in parameters without effect only are the same.
    return list({params.slug(): params for params in sets}.values())


def chosen_parameters(experiment: Experiment) -> list[str]:
    """Name the parameters that validation chooses: those that it tries values of."""
    fields, names = experiment.method.params.model_fields, set(grids(experiment))
    # Sizes are tried last, unless [postprocessing] says one.
    if is_refined(experiment) and getattr(experiment.params, "min_size", None) == 0:
        names.add("min_size")
    return [name for name in fields if name in names]


@dataclass(frozen=True)
class Score:
    """How a checkpoint does with a set of parameters: the metric on each validation volume."""

    checkpoint: Checkpoint
    params: Params
    values: tuple[float, ...]

    @property
    def value(self) -> float:
        """Mean over the volumes; rounded, so that means that are equal compare equal."""
        return round(float(np.mean(self.values)), 9)


def best_of(scores: Sequence[Score]) -> Score:
    """Give the best score, of equals the first: that of the earlier checkpoint."""
    return max(scores, key=lambda score: score.value)


def write_scores(path: Path, scores: Sequence[Score], metric: str) -> None:
    """Write one line per score: checkpoint, parameters, mean of the metric over the volumes."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["checkpoint", *type(scores[0].params).model_fields, metric])
    for score in scores:
        writer.writerow([score.checkpoint, *score.params.model_dump().values(), f"{score.value:.6f}"])
    write_text(path, text.getvalue())


def read_scores(path: Path, kind: type[Params], metric: str) -> Means:
    """Read what `write_scores` wrote.

    An `InputError` says if there is no such table, or it is damaged, or has other parameters or another metric.
    """
    try:
        entry = ledger(path.parent).get(path.name)
        if entry and entry["sha256"] != file_digest(path):
            raise InputError(f"{path}: {CHANGED}. Run the stage validate_checkpoints of that experiment.")
        header, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
        names, expected = header[1:-1], list(kind.model_fields)
        # Tables that were written before there were some parameters have them at their defaults.
        lacking = {name for name in expected if f"postprocessing.{name}" in YOUNGER} - set(names)
        if header[:1] != ["checkpoint"] or names != [name for name in expected if name not in lacking]:
            raise InputError(
                f"{path}: has scores for the parameters {', '.join(names) or 'none'}, but the method has "
                f"{', '.join(expected)}. Average experiments with the same model.method."
            )
        if header[-1] != metric:
            raise InputError(
                f"{path}: scores are {header[-1]}, but evaluation.metric is {metric}. Validate that experiment with "
                "the same metric."
            )
        return {
            (checkpoint_from(row[0]), kind(**dict(zip(names, row[1:-1], strict=True)))): float(row[-1]) for row in rows
        }
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(f"{path}: missing. Run the stage validate_checkpoints of that experiment first.") from None
    except (ValueError, LookupError, TypeError, csv.Error) as error:
        raise InputError(f"{path}: not readable as a table of scores: {error}.") from None
