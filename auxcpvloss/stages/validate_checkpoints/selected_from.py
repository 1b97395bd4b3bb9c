"""What the selection of a checkpoint was made from, and whether that still holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.ensemble import are_here
from auxcpvloss.experiment.fingerprint import Record
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.means import Checkpoint, checkpoint_from
from auxcpvloss.experiment.results import Result, stored_zarr
from auxcpvloss.experiment.selection_file import stored_selection
from auxcpvloss.experiment.validation import chosen_parameters, grids, is_combined, is_refined, parameter_sets
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.validate_checkpoints.scoring import NoNucleiError, validation_samples
from auxcpvloss.stages.validate_checkpoints.trained_models import NAME, VERSION, averaged_from
from auxcpvloss.stages.volume import instances, prediction, scores
from auxcpvloss.stages.volume.prediction import checkpoint_digest, prediction_keys
from auxcpvloss.stages.volume.scores import scoring_keys
from auxcpvloss.system.errors import InputError


def selection_of(run: Run, checkpoints: Sequence[Checkpoint], samples: Sequence[Sample]) -> Result:
    """Say what the selection among checkpoints, on these volumes, is to be made from."""
    record = run.records.flat(validated_from(run.experiment, checkpoints, samples))
    path = run.experiment.selection_path
    return Result(NAME, "selection", "", (path,), record, stored_selection(run.experiment), tuple(checkpoints))


def validated_from(experiment: Experiment, checkpoints: Sequence[Checkpoint], samples: Sequence[Sample]) -> Record:
    """List all that the scores of checkpoints with all sets of parameters depend on, and what wins by them."""
    chosen = set(chosen_parameters(experiment))
    fixed: Record = {}
    for params in parameter_sets(experiment):
        fixed |= {key: value for key, value in params.with_effect().items() if key not in chosen}
    table = experiment.config.evaluation
    evaluation = {**scoring_keys(experiment, all(sample.is_sparse for sample in samples)), "metric": experiment.metric}
    if table.metric == "auto":
        evaluation["do_detection"] = experiment.is_detection
    versions = {f"version of {each.NAME}": each.VERSION for each in (prediction, instances, scores)}
    return {
        **versions,
        f"version of {NAME}": VERSION,
        "method": experiment.method.name,
        "evaluation": evaluation,
        "validation": _grids(experiment),
        "postprocessing": fixed,
        "checkpoints": {str(number): _digest(experiment, number, samples) for number in checkpoints},
        "predictions": {sample.name: prediction_keys(experiment, sample) for sample in samples},
    }


def stale_selection(run: Run) -> str | None:
    """Say what changed since the selection was made; None where nothing did, or there is none.

    What is not on this machine is not compared. Nor are checkpoints that are newer: they change nothing in what was
    selected from.
    """
    experiment, records = run.experiment, run.records
    stored = stored_selection(experiment).record
    if stored is None:
        return None
    recorded = records.flat(stored)
    if "trained_models" in recorded or experiment.config.validation.trained_models:
        now = {**averaged_from(experiment), "checkpoints": recorded.get("checkpoints")}
        then = recorded.get("tables", {})
        here = {**(then if isinstance(then, dict) else {}), **now["tables"]}
        return records.difference(recorded, records.flat({**now, "tables": here}))
    digests = recorded.get("checkpoints")
    if not isinstance(digests, dict):
        return "its inputs are not recorded"
    checkpoints = [checkpoint_from(number) for number in digests]
    try:
        samples = validation_samples(run)
    except NoNucleiError:
        return "no validation volume has nuclei"
    except InputError:
        samples = []
    now = records.flat(validated_from(experiment, checkpoints, samples))
    now["checkpoints"] = {key: digest or digests[key] for key, digest in now["checkpoints"].items()}
    if not samples:
        # They are on another machine. Whether they have masks, on which some keys depend, is not known here.
        now["predictions"] = recorded.get("predictions")
        then = recorded.get("evaluation")
        if isinstance(then, dict):
            options = {**experiment.config.evaluation.model_dump(mode="json"), **now["evaluation"]}
            now["evaluation"] = {key: options[key] for key in then if key in options}
    return records.difference(recorded, now)


def _grids(experiment: Experiment) -> Record:
    lists: dict[str, Any] = grids(experiment)
    combined = len(lists) > 1 and any(len(values) > 1 for values in lists.values())
    return {
        **lists,
        **({"param_product": is_combined(experiment)} if combined else {}),
        **({"refine": "always"} if is_refined(experiment) else {}),
    }


def _digest(experiment: Experiment, checkpoint: Checkpoint, samples: Sequence[Sample]) -> str:
    """Checksum of a checkpoint; of one that was not brought along that which predictions record, or ""."""
    if are_here(experiment, checkpoint):
        return checkpoint_digest(experiment, checkpoint)
    for sample in samples:
        record = stored_zarr(experiment.processed(experiment.validation_split, checkpoint, sample.name)).record
        if record:
            return str(record.get("checkpoint"))
    return ""
