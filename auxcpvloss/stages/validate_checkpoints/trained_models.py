"""Choose the checkpoint of a final training by what other runs did on their validation volumes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from math import fsum
from pathlib import Path

from auxcpvloss.config import ConfigFile, flat
from auxcpvloss.experiment.configuration import YOUNGER
from auxcpvloss.experiment.fingerprint import Record
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.means import Checkpoint, iteration_of, order_of
from auxcpvloss.experiment.results import Result
from auxcpvloss.experiment.selection_file import Selection, read_selection, stored_selection, write_selection
from auxcpvloss.experiment.validation import Means, read_scores
from auxcpvloss.methods import Params
from auxcpvloss.stages.run import Run
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.libraries import versions_of

NAME, VERSION = "validate_checkpoints", 1
AUGMENT = "prediction.augment"
SHOWN = 5
"""Number of rows of the averaged table that are printed."""


@dataclass(frozen=True)
class Average:
    """How the runs do with a checkpoint and a set of parameters: each of them, in their order."""

    checkpoint: Checkpoint
    params: Params
    values: tuple[float, ...]

    @property
    def value(self) -> float:
        """Mean over the runs; rounded, so that means that are equal compare equal."""
        return round(fsum(self.values) / len(self.values), 9)


def average(tables: list[Means]) -> list[Average]:
    """Average over runs what all of them have; the best first, of equals the earlier checkpoint.

    Parameters
    ----------
    tables : list of mapping
        (checkpoint, parameters) -> score, one a run. Parameters that differ without effect are the same.
    """
    by_slug = [
        {(checkpoint, params.slug()): score for (checkpoint, params), score in table.items()} for table in tables
    ]
    averages = [
        Average(checkpoint, params, tuple(table[key] for table in by_slug))
        for checkpoint, params in tables[0]
        if all((key := (checkpoint, params.slug())) in table for table in by_slug)
    ]
    return sorted(averages, key=lambda one: (-one.value, order_of(one.checkpoint)))


def averages(experiment: Experiment) -> list[Average]:
    """Average ``val/scores.csv`` of the experiments that ``validation.trained_models`` names.

    Returns
    -------
    list of Average
        The best first; none where these runs were averaged before and are not on this machine.

    Raises
    ------
    InputError
        One of them is no experiment, was not validated, or not with the ``prediction.augment`` of this one; their
        tables do not go together; or the checkpoint lies beyond the end of this training.
    """
    runs = [Path(run) for run in experiment.config.validation.trained_models]
    record = stored_selection(experiment).record or {}
    known = record.get("trained_models") == list(map(str, runs))
    if known and not any(run.exists() for run in runs):
        return []
    found = average([_read(experiment, run) for run in runs])
    if not found:
        raise InputError(
            "validation.trained_models: no checkpoint was validated with the same parameters by all of "
            f"{', '.join(map(str, runs))}."
        )
    last = experiment.config.training.max_iterations
    if iteration_of(found[0].checkpoint) > last:
        raise InputError(
            f"validation.trained_models: the best checkpoint is {found[0].checkpoint}, but training.max_iterations is "
            f"{last}; set it to the value of these runs."
        )
    return found


def select_by_trained_models(run: Run) -> None:
    """Write checkpoint and parameters that do best in the mean of other runs as selection; print the best rows.

    Raises
    ------
    InputError
        See `averages`.
    """
    for result in averaged_selection_of(run):
        if not run.is_current(result, ()):
            run.make_way(result)
            write_averaged(run, result)
    show_averages(run)


def averaged_selection_of(run: Run) -> Iterator[Result]:
    """Say what the selection by other runs is to be made from; nothing where these are not on this machine."""
    experiment = run.experiment
    if found := averages(experiment):
        checkpoints = sorted({one.checkpoint for one in found}, key=order_of)
        record = run.records.flat({**averaged_from(experiment), "checkpoints": checkpoints})
        stored = stored_selection(experiment)
        yield Result(NAME, "selection", "", (experiment.selection_path,), record, stored)


def write_averaged(run: Run, result: Result) -> None:
    """Write what is best in the mean of other runs as selection."""
    best = averages(run.experiment)[0]
    selection, chosen = Selection(best.checkpoint, best.params), list(type(best.params).model_fields)
    write_selection(run.experiment, selection, chosen, best.value, result.record, versions_of("numpy"))


def show_averages(run: Run) -> None:
    """Print the best rows of the mean of other runs."""
    experiment, terminal = run.experiment, run.terminal
    found = averages(experiment)
    if not found:
        selection = read_selection(experiment)
        terminal.say(
            "the runs are not on this machine; using their stored mean: "
            f"{_describe(selection.checkpoint, selection.params)}"
        )
        return
    runs, best = experiment.config.validation.trained_models, found[0]
    columns = ["checkpoint", *type(best.params).model_fields, "mean", *(Path(run).name for run in runs)]
    rows = [[one.checkpoint, *one.params.model_dump().values(), one.value, *one.values] for one in found[:SHOWN]]
    terminal.table(f"{experiment.metric}, mean of {len(runs)} runs", columns, rows)
    terminal.say(f"best mean of {len(runs)} runs: {_describe(best.checkpoint, best.params)}: {best.value:.3f}")


def averaged_from(experiment: Experiment) -> Record:
    """List what the selection by other runs (``validation.trained_models``) depends on."""
    runs = experiment.config.validation.trained_models
    tables = [path for run in runs if (path := _table(Path(run))).is_file()]
    return {
        f"version of {NAME}": VERSION,
        "method": experiment.method.name,
        "trained_models": runs,
        "tables": {str(path): sha256(path.read_bytes()).hexdigest() for path in tables},
        "evaluation": {"metric": experiment.metric},
    }


def _describe(checkpoint: Checkpoint, params: Params) -> str:
    return f"checkpoint {checkpoint}, {params.describe()}"


def _table(run: Path) -> Path:
    return run / "val" / "scores.csv"


def _read(experiment: Experiment, run: Path) -> Means:
    if run == experiment.folder:
        raise InputError(
            f"validation.trained_models: {run} is this experiment itself; choose a name for the final experiment "
            "with -id."
        )
    if not (frozen := run / "config.toml").is_file():
        raise InputError(f"validation.trained_models: {run}: not an experiment; expected a folder with a config.toml.")
    # Thresholds that are best for averaged predictions are not best for others.
    here = experiment.config.prediction.augment
    there = dict(flat(ConfigFile.read(frozen).tables)).get(AUGMENT, YOUNGER[AUGMENT])
    if there != here:
        raise InputError(
            f"{frozen}: {AUGMENT} is {there!r}, but {here!r} in the final experiment. Validate that experiment with "
            f"the same value, or set {AUGMENT} = {there!r}."
        )
    return read_scores(_table(run), experiment.method.params, experiment.metric)
