"""Say what would run, on which samples, writing where; touch nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from auxcpvloss.data.sources import SPLITS, find_sources
from auxcpvloss.experiment import Experiment
from auxcpvloss.stages.needs import need_volumes, needed_splits
from auxcpvloss.stages.prepare import unprepared
from auxcpvloss.stages.validate_checkpoints import parameter_sets
from auxcpvloss.terminal import Terminal

if TYPE_CHECKING:
    from auxcpvloss.stages import Choice


def dry_run(experiment: Experiment, terminal: Terminal, stages: Sequence[str], choice: Choice) -> None:
    """Print the plan of the stages, a line each.

    Raises
    ------
    InputError
        The volumes for the stages are not there.
    """
    need_volumes(experiment, stages)
    if "prepare" in stages:
        found = find_sources(experiment.config.data)
        names = {split: [source.name for source in sources] for split, sources in found.items()}
    else:
        names = {split: experiment.names(split) for split in needed_splits(stages)}
        _dry_run_prepare(experiment, terminal, list(names))
    listing = {split: f"{split} ({', '.join(names.get(split, [])) or 'no volumes'})" for split in SPLITS}
    training, folder = experiment.config.training, experiment.folder
    done = max(experiment.checkpoints(), default=0)
    if choice.checkpoint is not None:
        checkpoint = f"checkpoint {choice.checkpoint}"
    else:
        checkpoint = f"the {choice.which} checkpoint"
    wanted = experiment.config.validation.checkpoints
    checkpoints = ", ".join(map(str, wanted)) if wanted else f"every {training.checkpoints} iterations"
    by_hand = experiment.params.describe()
    plan = {
        "prepare": f"{', '.join(listing.values())} -> {experiment.data_folder('train').parent}",
        "mknet": f"{experiment.method.name} -> {experiment.train_folder}",
        "train": f"{listing['train']}: iterations {done} to {training.max_iterations} -> {experiment.train_folder}",
        "validate_checkpoints": (
            f"{listing['val']}: checkpoints {checkpoints} x {len(parameter_sets(experiment))} "
            f"parameter sets -> {folder / 'val'}"
        ),
        "predict": f"{listing['test']} with {checkpoint} -> {folder / 'test' / 'processed'}",
        "label": f"{listing['test']} -> {folder / 'test' / 'instanced'}",
        "evaluate": f"{listing['test']} -> {folder / 'test' / 'evaluated'}",
        "postprocess": f"label and evaluate {listing['test']} with the parameters of [postprocessing]: {by_hand}",
        "visualize": f"{listing['test']} -> {folder / 'test' / 'visualized'}",
    }
    for stage in stages:
        terminal.stage = stage
        terminal.say(f"would do: {plan[stage]}")


def _dry_run_prepare(experiment: Experiment, terminal: Terminal, splits: Sequence[str]) -> None:
    missing = [source.name for _, source in unprepared(experiment, splits)]
    if missing:
        terminal.stage = "prepare"
        terminal.say(f"would do: {', '.join(missing)}, not prepared yet -> {experiment.data_folder('train').parent}")
