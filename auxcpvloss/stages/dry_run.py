"""Say what would run, on which samples, writing where; touch nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from auxcpvloss.data.sources import SPLITS, find_sources
from auxcpvloss.experiment import Experiment
from auxcpvloss.stages.validate_checkpoints import parameter_sets
from auxcpvloss.terminal import Terminal

if TYPE_CHECKING:
    from auxcpvloss.stages import Choice


def dry_run(experiment: Experiment, terminal: Terminal, stages: Sequence[str], choice: Choice) -> None:
    """Print the plan of the stages, a line each."""
    names = {split: [s.name for s in sources] for split, sources in find_sources(experiment.config.data).items()}
    listing = {split: f"{split} ({', '.join(names[split]) or 'no volumes'})" for split in SPLITS}
    training, folder = experiment.config.training, experiment.folder
    done = max(experiment.checkpoints(), default=0)
    if choice.checkpoint is not None:
        checkpoint = f"checkpoint {choice.checkpoint}"
    else:
        checkpoint = f"the {choice.which} checkpoint"
    wanted = experiment.config.validation.checkpoints
    checkpoints = ", ".join(map(str, wanted)) if wanted else f"every {training.checkpoints} iterations"
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
    }
    for stage in stages:
        terminal.stage = stage
        terminal.say(f"would do: {plan[stage]}")
