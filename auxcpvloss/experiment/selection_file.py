"""Which checkpoint and parameters won the validation: what later stages use."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auxcpvloss.config import as_toml
from auxcpvloss.config.messages import explain
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.means import Checkpoint, checkpoint_from, iteration_of
from auxcpvloss.experiment.results import Stored, ledger, read_table, reader
from auxcpvloss.methods import Params
from auxcpvloss.system.checksums import file_digest, sealed_text
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text


@dataclass(frozen=True)
class Selection:
    """A checkpoint, and the post-processing parameters to use with it."""

    checkpoint: Checkpoint
    params: Params


def write_selection(
    experiment: Experiment,
    selection: Selection,
    chosen: Collection[str],
    score: float,
    made_from: Mapping[str, Any],
    made_with: Mapping[str, str],
) -> None:
    """Write what won the validation, with its score; of the parameters those that validation had to choose."""
    table = {
        "checkpoint": selection.checkpoint,
        "metric": experiment.metric,
        "score": score,
        "params": {key: value for key, value in selection.params.model_dump().items() if key in chosen},
        "made_from": made_from,
        "made_with": made_with,
    }
    write_text(experiment.selection_path, sealed_text(as_toml(table)))


def stored_selection(experiment: Experiment) -> Stored:
    """Read what the selection, if there is one, was made from."""
    return _stored(experiment.selection_path)


@reader
def _stored(path: Path) -> Stored:
    table = _read(path)
    return Stored(table["made_from"], table.get("made_with", {}))


def selection_record(experiment: Experiment) -> dict[str, Any] | None:
    """Read the table that `write_selection` wrote, None before there is one; an `InputError` says if it is damaged."""
    if not experiment.selection_path.is_file():
        return None
    try:
        table = _read(experiment.selection_path)
        if not {"checkpoint", "metric", "params", "made_from"} <= table.keys():
            raise ValueError("some of its keys are missing")
        if not isinstance(table["made_from"], dict):
            raise ValueError("made_from is not a table")
    except (InputError, ValueError, RecursionError) as error:
        raise _damaged(experiment, str(error).removeprefix(f"{experiment.selection_path}: ").rstrip(".")) from None
    return table


def _read(path: Path) -> dict[str, Any]:
    table = read_table(path)
    if contradicted := _contradicted(path, table):
        raise InputError(f"{path}: {contradicted}.")
    return table


def _contradicted(path: Path, table: Mapping[str, Any]) -> str:
    """Say which whole table of scores, made from the same, another selection follows from; "" if there is none."""
    # What is damaged is told of its own.
    with suppress(LookupError, TypeError, ValueError, OSError):
        for name, entry in ledger(path.parent).items():
            scores = path.parent / name
            if not name.startswith("scores") or entry["made_from"] != table["made_from"]:
                continue
            if scores.is_file() and entry["sha256"] == file_digest(scores):
                with scores.open(newline="", encoding="utf-8") as file:
                    rows = list(csv.DictReader(file))
                chosen = {"checkpoint": table["checkpoint"], **table["params"]}
                wanted = {key: str(value) for key, value in chosen.items()}
                found = [row[table["metric"]] for row in rows if wanted.items() <= row.items()]
                best = max((row[table["metric"]] for row in rows), key=float)
                if found != [best] or f"{table['score']:.6f}" != best:
                    return f"it does not follow from {name}, where the best score is {best}"
    return ""


def _damaged(experiment: Experiment, error: Exception | str) -> InputError:
    sentence = f"{experiment.selection_path}: damaged: {error}"
    return InputError(f"{sentence}{'' if sentence.endswith('?') else '.'}", "Run the stage validate_checkpoints.")


def validated_checkpoints(experiment: Experiment) -> list[int]:
    """Give the iterations of the checkpoints that the selection was made from; none before there is one."""
    record = selection_record(experiment)
    return [iteration_of(checkpoint_from(str(each))) for each in record["made_from"]["checkpoints"]] if record else []


def read_selection(experiment: Experiment) -> Selection:
    """Read what won the validation; the parameters that it did not choose are those of [postprocessing].

    Of external results there is one kind, as checkpoint 0.

    An `InputError` says if nothing was validated yet, or other runs were averaged than ``validation.trained_models``.
    """
    if not experiment.method.has_network:
        return Selection(0, experiment.params)
    table = selection_record(experiment)
    if table is None:
        raise InputError(
            f"{experiment.selection_path}: missing: no checkpoint has been selected yet.",
            "Run the stage validate_checkpoints, or use --test-checkpoint last or --checkpoint N.",
        )
    then, now = table["made_from"].get("trained_models", []), experiment.config.validation.trained_models
    if then != now:
        raise InputError(
            f"{experiment.selection_path}: selected with validation.trained_models = {then}, which is {now} now.",
            "Run the stage validate_checkpoints.",
        )
    try:
        checkpoint, chosen = table["checkpoint"], table["params"]
        if type(checkpoint) is not int and (type(checkpoint) is not str or checkpoint_from(checkpoint) != checkpoint):
            raise ValueError(f"checkpoint: must be a whole number or the name of a mean, not {checkpoint!r}")
        if not isinstance(chosen, dict):
            raise ValueError(f"params: must be a table, not {chosen!r}")
        params = {**experiment.params.model_dump(), **chosen}
        return Selection(checkpoint, experiment.method.params.model_validate(params, strict=True))
    except ValidationError as error:
        problems = (explain(detail, experiment.method.params, ()) for detail in error.errors())
        lines = [f"{'.'.join(('params', *key))}: {message}" for key, message in problems]
        raise _damaged(experiment, "; ".join(lines)) from None
    except ValueError as error:
        raise _damaged(experiment, error) from None


def selected_or_newest(experiment: Experiment) -> Checkpoint | None:
    """Give the checkpoint that validation selected, else the newest one; None if there is none.

    Whatever the configuration: as it is read from the folder alone.

    Raises
    ------
    InputError
        What was selected cannot be read.
    """
    if not experiment.selection_path.is_file():
        return max(experiment.checkpoints.iterations(), default=None)
    try:
        return checkpoint_from(str(read_table(experiment.selection_path)["checkpoint"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{experiment.selection_path}: not readable: {error}.") from None


def last_iteration(experiment: Experiment) -> int:
    """Return where training ends: ``training.max_iterations``, or the best checkpoint of ``validation.trained_models``.

    Raises the `InputError` of `read_selection` if these were not averaged yet.
    """
    if experiment.config.validation.trained_models:
        return iteration_of(read_selection(experiment).checkpoint)
    return experiment.config.training.max_iterations
