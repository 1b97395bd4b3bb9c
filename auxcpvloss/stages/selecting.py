"""What the selection of a checkpoint was made from, and whether that still holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.fingerprint import difference, plain
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.versions import version_of
from auxcpvloss.stages.labelling import with_effect
from auxcpvloss.stages.parameter_sets import grids, parameter_sets
from auxcpvloss.stages.predicting import checkpoint_digest, prediction_keys
from auxcpvloss.stages.records import Result
from auxcpvloss.stages.scoring import scoring_keys
from auxcpvloss.stages.stored import Record, stored_selection, stored_zarr
from auxcpvloss.stages.trained_models import averaged_from
from auxcpvloss.stages.validating import validation_samples
from auxcpvloss.system.errors import InputError

STAGES = ("predict", "label", "evaluate", "validate_checkpoints")


def selection_of(experiment: Experiment, checkpoints: Sequence[int], samples: Sequence[Sample]) -> Result:
    """Say what the selection among checkpoints, on these volumes, is to be made from."""
    path = experiment.selection_path
    made_from = validated_from(experiment, checkpoints, samples)
    return Result("validate_checkpoints", "the selection", (path,), made_from, stored_selection(experiment))


def validated_from(experiment: Experiment, checkpoints: Sequence[int], samples: Sequence[Sample]) -> Record:
    """List all that the scores of checkpoints with all sets of parameters depend on, and what wins by them."""
    chosen = set(grids(experiment))
    fixed: Record = {}
    for params in parameter_sets(experiment):
        fixed |= {key: value for key, value in with_effect(params).items() if key not in chosen}
    table = experiment.config.evaluation
    evaluation = {**scoring_keys(experiment, all(sample.is_sparse for sample in samples)), "metric": experiment.metric}
    if table.metric == "auto":
        evaluation["do_detection"] = experiment.is_detection
    made_from = {
        **{key: value for stage in STAGES for key, value in version_of(stage).items()},
        "method": experiment.method.name,
        "evaluation": evaluation,
        "validation": _grids(experiment),
        "postprocessing": fixed,
        "checkpoints": {str(number): _digest(experiment, number, samples) for number in checkpoints},
        "predictions": {sample.name: prediction_keys(experiment, sample) for sample in samples},
    }
    return plain(made_from)


def stale_selection(experiment: Experiment) -> str | None:
    """Say what changed since the selection was made; None where nothing did, or there is none.

    What is not on this machine is not compared. Nor are checkpoints that are newer: they change nothing in what was
    selected from.
    """
    recorded = stored_selection(experiment).record
    if recorded is None:
        return None
    if "trained_models" in recorded or experiment.config.validation.trained_models:
        now = {**averaged_from(experiment), "checkpoints": recorded.get("checkpoints")}
        then = recorded.get("tables", {})
        here = {**(then if isinstance(then, dict) else {}), **now["tables"]}
        return difference(recorded, plain({**now, "tables": here}))
    digests = recorded.get("checkpoints")
    if not isinstance(digests, dict):
        return "it does not say what it was made from"
    checkpoints = [int(number) for number in digests]
    try:
        samples = validation_samples(experiment)
    except InputError:
        samples = []
    now = validated_from(experiment, checkpoints, samples)
    now["checkpoints"] = {key: digest or digests[key] for key, digest in now["checkpoints"].items()}
    if not samples:
        # They are on another machine.
        now["predictions"] = recorded.get("predictions")
    return difference(recorded, now)


def _grids(experiment: Experiment) -> Record:
    lists: dict[str, Any] = grids(experiment)
    combined = len(lists) > 1 and any(len(values) > 1 for values in lists.values())
    return {**lists, **({"param_product": experiment.config.validation.param_product} if combined else {})}


def _digest(experiment: Experiment, checkpoint: int, samples: Sequence[Sample]) -> str:
    """Checksum of a checkpoint; of one that was not brought along that which predictions record, or ""."""
    path = experiment.checkpoint_path(checkpoint)
    if path.is_file():
        return checkpoint_digest(path)
    for sample in samples:
        record = stored_zarr(experiment.processed(experiment.validation_split, checkpoint, sample.name)).record
        if record:
            return str(record.get("checkpoint"))
    return ""
