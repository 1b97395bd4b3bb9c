"""From the folder of an experiment to a run: what was selected, and how that did on the test volumes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from auxcpvloss.config import ConfigFile
from auxcpvloss.data.groups import groups_of
from auxcpvloss.experiment.configuration import load, refuse_edited
from auxcpvloss.experiment.fingerprint import Record, Records
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.experiment.results import LEDGER, ledger, read_table
from auxcpvloss.experiment.selection_file import Selection, read_selection, selection_record
from auxcpvloss.experiment.training_record import training_keys, training_record
from auxcpvloss.experiment.validation import parameter_sets
from auxcpvloss.looking.compare.runs import AP, AVAP, EvaluatedRun, detection_path
from auxcpvloss.metrics.detection import MATCHINGS
from auxcpvloss.metrics.table import metric_paths, value_at
from auxcpvloss.system.errors import InputError

RERUN = "Run the stage validate_checkpoints."
TRUTH = ("checksum", "gt_key", "padding", "voxel_size")
"""Keys of the record of a volume that must agree for scores on it to be comparable."""

TRUTH_IF_SET = ("ignore_label", "annotated_box", "split_pieces")
"""More of them, which the record holds only where they are set."""


class _Scored(NamedTuple):
    """The scores of a volume, the digest of the instances, and all that they were made from, opened."""

    table: Record
    instances: str
    made_from: Record


def read_run(folder: Path) -> EvaluatedRun:
    """Read the scores of an experiment on its test volumes, with the selected checkpoint and parameters.

    Nothing but the experiment's folder is needed: neither weights nor volumes.

    Raises
    ------
    InputError
        No experiment, nothing selected or evaluated yet, or files that are damaged or of different evaluations.
    """
    experiment = open_experiment(folder)
    selection, metric, validated = _selection(experiment)
    place = experiment.evaluated("test", selection.checkpoint, selection.params)
    evaluated = sorted(_evaluated(place).items())
    scored = {name: _read_scores(experiment.records, place / f"{name}.toml", made) for name, made in evaluated}
    seeds = _seeds(experiment)
    groups = experiment.config.data.groups
    table = experiment.config.validation.model_dump(include={"on_train", "trained_models"})
    return EvaluatedRun(
        folder=experiment.folder,
        program="" if experiment.method.has_network else experiment.model_name,
        base=experiment.method.base,
        auxiliary=experiment.method.auxiliary,
        seed=experiment.config.general.seed,
        checkpoint=selection.checkpoint,
        params=selection.params.with_effect(),
        metric=metric,
        validated_on="detection" if metric.split(".")[1] in MATCHINGS else "segmentation",
        seeds=seeds,
        weights=_weights(experiment, selection.checkpoint, validated, scored),
        training=_training(experiment),
        selected_from={
            "metric": metric,
            "seeds": seeds,
            "validation": {**validated.get("validation", {}), **table},
            "postprocessing": validated.get("postprocessing", {}),
        },
        evaluation={name: _evaluation(each.made_from) for name, each in scored.items()},
        truth={name: truth_in(each.made_from["truth"]) for name, each in scored.items()},
        instances={name: each.instances for name, each in scored.items()},
        scores={name: each.table for name, each in scored.items()},
        groups=groups_of(scored, groups, f"{experiment.folder / 'config.toml'}: data.groups") if groups else {},
    )


def truth_in(record: Record) -> Record:
    """Give what must agree of the record of a volume."""
    return {key: record[key] for key in (*TRUTH, *TRUTH_IF_SET) if key in record}


def open_experiment(folder: Path) -> Experiment:
    """Open an experiment with the configuration in its folder.

    Raises
    ------
    InputError
        There is none, or its configuration is damaged.
    """
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder. Give folders of experiments, such as experiments/NAME.")
    if not (folder / "config.toml").is_file():
        raise InputError(f"{folder}: not an experiment: it contains no config.toml.")
    refuse_edited(folder / "config.toml")
    return Experiment(folder, load([ConfigFile.read(folder / "config.toml")]))


def _selection(experiment: Experiment) -> tuple[Selection, str, Record]:
    """Read what validation selected, the dotted path of the score that it went by, and what it selected from."""
    if not experiment.method.has_network:
        return read_selection(experiment), experiment.metric, {}
    path, record = experiment.selection_path, selection_record(experiment)
    if record is None:
        raise InputError(f"{path}: missing: no checkpoint has been selected yet. Run the stage validate_checkpoints.")
    metric, made_from = record["metric"], record["made_from"]
    tables = [made_from, *(made_from.get(key, {}) for key in ("validation", "postprocessing"))]
    if metric not in metric_paths() or not all(isinstance(table, dict) for table in tables):
        raise InputError(f"{path}: damaged: metric {metric!r} or made_from.", RERUN)
    return read_selection(experiment), metric, made_from


def _evaluated(place: Path) -> Mapping[str, Record | str]:
    """Volumes that were scored last, each with what its scores were made from then."""
    try:
        entries = ledger(place)
        if "summary.csv" not in entries and (entries or not (place / LEDGER).is_file()):
            raise InputError(
                f"{place}: the test volumes have not been evaluated yet. Run the stages predict, label, evaluate."
            )
        predictions: dict[str, Record | str] = entries["summary.csv"]["made_from"]["predictions"]
        if not predictions or not all(isinstance(made, dict | str) for made in predictions.values()):
            raise TypeError
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"{place / LEDGER}: damaged. Run the stage evaluate.") from None
    return predictions


def _evaluation(made_from: Record) -> Record:
    # More metrics change nothing in the others.
    options = {key: value for key, value in made_from["evaluation"].items() if key != "metrics"}
    return {**options, "version of evaluate": made_from["version of evaluate"]}


def _read_scores(records: Records, path: Path, made_from: Record | str) -> _Scored:
    if not path.is_file():
        raise InputError(f"{path}: missing, although its volume was evaluated. Run the stage evaluate.")
    try:
        table = read_table(path)
        record = records.flat(json.loads(table["made_from"]))
        scored = _Scored(table, record["instances"], records.whole(record))
        _check(scored)
    except InputError as error:
        raise InputError(f"{error} Run the stage evaluate.") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise InputError(f"{path}: damaged ({type(error).__name__}: {error}). Run the stage evaluate.") from None
    if records.digest(record) != records.digest(made_from):
        raise InputError(
            f"{path}: not from the same evaluation as {path.parent / 'summary.csv'}. Run the stage evaluate."
        )
    return scored


def _check(scored: _Scored) -> None:
    """Refuse scores that lack what is compared, or are no numbers from 0 to 1."""
    made_from = scored.made_from
    needed = [_weights_in(made_from), made_from["version of evaluate"]]
    needed += [made_from["truth"][key] for key in TRUTH]
    matching = made_from["evaluation"]["detection"]
    paths = [detection_path(matching)]
    # The record tells where there are masks: what is missing from the table is damage.
    if "use_linear_sum_assignment" in made_from["evaluation"]:
        paths += [AVAP, *AP.values()]
    elif "avAP" in scored.table["confusion_matrix"]:
        raise ValueError(f"it contains {AVAP}, although the volume has only center points")
    for path in paths:
        value = value_at(scored.table, path)
        if type(value) not in (int, float) or not 0 <= value <= 1:
            raise ValueError(f"{path} is {value!r}")


def _weights_in(made_from: Record) -> str:
    """Give the checksum of the weights that instances were made with; of external results that of the label image."""
    instances = made_from["instances"]
    return str(instances["given"]["checksum"] if "given" in instances else instances["predicted"]["checkpoint"])


def _weights(experiment: Experiment, checkpoint: Checkpoint, validated: Record, scored: Mapping[str, _Scored]) -> str:
    """Give the checksum of the weights, which have to be the same for the selection and for all volumes.

    Of external results it is that of all label images.
    """
    used = {name: _weights_in(each.made_from) for name, each in scored.items()}
    if not experiment.method.has_network:
        return str(experiment.records.digest(used))
    weights = next(iter(used.values()))
    if not experiment.config.validation.trained_models:
        try:
            # Empty where neither the weights nor predictions were there when it was selected.
            weights = str(validated["checkpoints"][str(checkpoint)]) or weights
        except (KeyError, TypeError):
            message = f"damaged: the weights of checkpoint {checkpoint} are not recorded"
            raise InputError(f"{experiment.selection_path}: {message}.", RERUN) from None
    if other := sorted(name for name, each in used.items() if each != weights):
        raise InputError(
            f"{experiment.folder}: not scored with the selected weights of checkpoint {checkpoint}: "
            f"{', '.join(other)}. Run the stages validate_checkpoints, predict, label, evaluate."
        )
    return weights


def _seeds(experiment: Experiment) -> Literal["main", "cpv", "either"]:
    """Say which seeds validation could choose from."""
    used = {"cpv" in params.auxiliary_heads() for params in parameter_sets(experiment)}
    return "either" if len(used) > 1 else "cpv" if True in used else "main"


def _training(experiment: Experiment) -> Record:
    """Give all that the weights depend on, but for the seed; the volumes where the weights were brought along.

    Of external results nothing is known.
    """
    if not experiment.method.has_network:
        return {}
    keys = training_keys(experiment)
    keys.pop("general")
    keys["training"]["max_iterations"] = experiment.config.training.max_iterations
    record = training_record(experiment)
    return {**keys, **(experiment.records.whole({"samples": record["samples"]}) if record else {})}
