"""From instances to scores of samples."""

from __future__ import annotations

import json
import tomllib

import numpy as np
import toml

from auxcpvloss import metrics
from auxcpvloss.data.samples import Sample
from auxcpvloss.errors import InputError
from auxcpvloss.experiment import Experiment, plain
from auxcpvloss.files import write_text
from auxcpvloss.methods import Params
from auxcpvloss.stages.labelling import instances_record, read_instances
from auxcpvloss.stages.records import Record, current


def evaluate_sample(
    experiment: Experiment, split: str, checkpoint: int, params: Params, sample: Sample
) -> tuple[Record, bool]:
    """Score the instances of a sample against its labels.

    Returns
    -------
    (scores, made)
        The table of ``<sample>.toml``, and whether it was made now.

    Raises
    ------
    InputError
        The sample was not labelled.
    """
    path = experiment.evaluated(split, checkpoint, params) / f"{sample.name}.toml"
    instances = experiment.instanced(split, checkpoint, params, sample.name)
    optimal = experiment.config.evaluation.use_linear_sum_assignment
    labelled_from = instances_record(instances)
    if labelled_from is None:
        raise InputError(f"{instances}: there are no instances to score. Run the stage label.")
    made_from = plain({"instances": labelled_from, "truth": sample.made_from, "use_linear_sum_assignment": optimal})
    table = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if current(experiment, path, made_from, json.loads(table.get("made_from", "null"))):
        return table, False
    scores = metrics.score(np.asarray(sample.labels), read_instances(instances), optimal)
    table = {"made_from": json.dumps(made_from), **metrics.as_table(scores)}
    write_text(path, toml.dumps(table))
    return table, True
