"""Say what would run, on which samples, writing where; touch nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from auxcpvloss.data.sources.find import SPLITS, find_sources
from auxcpvloss.experiment.archive import FOLDER
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import last_iteration, selection_record
from auxcpvloss.experiment.training_record import other_training
from auxcpvloss.stages.needs import need_volumes, needed_splits
from auxcpvloss.stages.parameter_sets import parameter_sets
from auxcpvloss.stages.prepare import unprepared
from auxcpvloss.stages.trained_models import averages
from auxcpvloss.system.terminal import Terminal

if TYPE_CHECKING:
    from auxcpvloss.stages import Choice


def dry_run(experiment: Experiment, terminal: Terminal, stages: Sequence[str], choice: Choice) -> None:
    """Print the plan of the stages, a line each.

    Raises
    ------
    InputError
        The arguments or the configuration contradict what is there.
    """
    todo = choice.until_end(experiment, stages)
    need_volumes(experiment, todo)
    # Where nothing is to be prepared the sources need not be here.
    stored = find_sources(experiment.config.data) if "prepare" in todo else {}
    places = ", ".join(_listed(split, [source.name for source in found]) for split, found in stored.items())
    needed = needed_splits(experiment, todo)
    listing = {split: _listed(split, experiment.names(split) if split in needed else []) for split in SPLITS}
    if "prepare" not in todo:
        _dry_run_prepare(experiment, terminal, needed)
    last = _last_iteration(experiment) if "train" in todo else 0
    folder, anew = experiment.folder, other_training(experiment)
    done = 0 if anew else max(experiment.states(), default=0)
    if choice.checkpoint is not None:
        checkpoint = f"checkpoint {choice.checkpoint}"
    else:
        checkpoint = f"the {choice.which} checkpoint"
    by_hand = experiment.params.describe()
    plan = {
        "prepare": f"{places} -> {experiment.data_folder('train').parent}",
        "mknet": f"{experiment.method.name} -> {experiment.train_folder}",
        "train": f"{listing['train']}: iterations {done} to {last} -> {experiment.train_folder}"
        + (f", anew, since {anew}; what is there is moved to {FOLDER}/" if anew else ""),
        **_validation(experiment, choice, listing),
        "predict": f"{listing['test']} with {checkpoint} -> {folder / 'test' / 'processed'}",
        "label": f"{listing['test']} -> {folder / 'test' / 'instanced'}",
        "evaluate": f"{listing['test']} -> {folder / 'test' / 'evaluated'}",
        "postprocess": f"label and evaluate {listing['test']} with the parameters of [postprocessing]: {by_hand}",
        "visualize": f"{listing['test']} -> {folder / 'test' / 'visualized'} and {folder / 'test' / 'exported'}",
        "export": f"{listing['test']} -> {folder / 'test' / 'exported'}",
        "report": f"{experiment.report_path}",
    }
    for stage in todo:
        terminal.stage = stage
        terminal.say(f"would do: {plan[stage]}")
    if choice.term_after_predict:
        terminal.say("would end here, after the predictions")


def _dry_run_prepare(experiment: Experiment, terminal: Terminal, splits: Sequence[str]) -> None:
    missing = [source.name for _, source in unprepared(experiment, splits)]
    if missing:
        terminal.stage = "prepare"
        terminal.say(f"would do: {', '.join(missing)}, not prepared yet -> {experiment.data_folder('train').parent}")


def _listed(split: str, names: Sequence[str]) -> str:
    return f"{split} ({', '.join(names) or 'no volumes'})"


def _validation(experiment: Experiment, choice: Choice, listing: Mapping[str, str]) -> dict[str, str]:
    table, folder = experiment.config.validation, experiment.folder / experiment.validation_split
    if table.trained_models:
        runs = ", ".join(table.trained_models)
        return {"validate_checkpoints": f"take what is best in the mean of {runs} -> {folder}"}
    volumes = listing["val"].replace("val", "train", 1) if table.on_train else listing["val"]
    every = ", ".join(map(str, table.checkpoints)) or f"every {experiment.config.training.checkpoints} iterations"
    sets = f"x {len(parameter_sets(experiment))} parameter sets -> {folder}"
    if choice.checkpoint is not None:
        one = f"checkpoint {choice.checkpoint}"
    else:
        chosen = choice.which == "best" and selection_record(experiment)
        one = "the selected checkpoint" if chosen else "the newest checkpoint"
    return {
        "validate_checkpoints": f"{volumes}: checkpoints {every} {sets}",
        "validate": f"{volumes}: {one} {sets}",
        "cross_validate": f"{volumes}, in two halves: checkpoints {every} {sets}",
    }


def _last_iteration(experiment: Experiment) -> int:
    found = averages(experiment) if experiment.config.validation.trained_models else []
    return found[0].checkpoint if found else last_iteration(experiment)
