"""Load trained networks from the folders of their experiments."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from auxcpvloss.apply.model import Model
from auxcpvloss.config import Config, ConfigFile
from auxcpvloss.experiment.checkpoints import ENSEMBLE
from auxcpvloss.experiment.configuration import load as load_config
from auxcpvloss.experiment.configuration import refuse_edited
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.means import checkpoint_from
from auxcpvloss.experiment.selection_file import Selection
from auxcpvloss.experiment.training_record import refuse_other_training
from auxcpvloss.network.bfloat16 import choose_instruction_sets
from auxcpvloss.network.checkpoint import check_checkpoint
from auxcpvloss.stages.chosen_checkpoint import chosen
from auxcpvloss.stages.run import Choice, Run
from auxcpvloss.system.backends import choose_backend, need_backend
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.gpu import choose_device
from auxcpvloss.system.terminal import Terminal


def start_backend(config: Config) -> None:
    """Set up the library that computes, as it is asked for, and choose a GPU, unless the caller imported it already."""
    general = config.general
    need_backend(general.backend)
    choose_backend(general.backend, os.environ, general.deterministic)
    if general.backend not in sys.modules:
        choose_instruction_sets(config, os.environ)
        choose_device(os.environ)


def choice(checkpoint: Any) -> Choice:
    """Say which checkpoint to use, from what a caller of `load` named."""
    if checkpoint in ("best", "last"):
        return Choice(checkpoint)
    try:
        if isinstance(checkpoint, bool) or not isinstance(checkpoint, int | str):
            raise ValueError
        return Choice("last", checkpoint_from(str(checkpoint)))
    except ValueError:
        raise InputError(
            f"checkpoint: {checkpoint!r}; expected 'best', 'last', a number of iterations or a mean, such as "
            "'mean_3000-4000'"
        ) from None


def load(folder: str | Path | Sequence[str | Path], checkpoint: str | int = "best") -> Model:
    """Load a trained network, or several; see `auxcpvloss.load_model`."""
    wanted = choice(checkpoint)
    folders = [folder] if isinstance(folder, str | Path) else list(folder)
    if not folders:
        raise InputError("no folder of an experiment given")
    experiments = [_opened(Path(each).expanduser().resolve()) for each in folders]
    start_backend(experiments[0].config)
    runs = [_run(each, wanted) for each in experiments]
    selections = [_selection(run) for run in runs]
    model = Model(experiments[0], selections[0])
    if len(experiments) > 1:
        if checkpoint != "best":
            raise InputError(f"checkpoint: {checkpoint!r}; of several experiments the selected ones are used: 'best'")
        model = _averaged(experiments, selections)
    for member in model.members:
        check_checkpoint(member.experiment.checkpoints.need(member.checkpoint))
    for remark in (remark for run in runs for remark in run.notes.told.values()):
        warnings.warn(remark, stacklevel=4)
    return model


def _opened(place: Path) -> Experiment:
    frozen = place / "config.toml"
    if not frozen.is_file():
        raise InputError(f"{frozen}: missing; expected the folder of a trained experiment, such as experiments/NAME.")
    refuse_edited(frozen)
    experiment = Experiment(place, load_config([ConfigFile.read(frozen)]))
    refuse_other_training(experiment)
    if not experiment.method.finds_instances:
        raise InputError(f"{place}: denoises images (model.method = {experiment.method.base!r}), and finds no nuclei.")
    return experiment


def _run(experiment: Experiment, wanted: Choice) -> Run:
    return Run(experiment, Terminal(Console(quiet=True)), wanted)


def _selection(run: Run) -> Selection:
    try:
        return chosen(run)
    except InputError as error:
        # The last line speaks of arguments for stages.
        lines = [line for line in error.args if "--test-checkpoint" not in line]
        if lines == list(error.args):
            raise
        raise InputError(*lines, "Run the stage validate_checkpoints, or choose another checkpoint: 'last'.") from None


def _averaged(experiments: Sequence[Experiment], selections: Sequence[Selection]) -> Model:
    """Average the predictions of experiments, with the parameters of the first one."""
    first, params = experiments[0], selections[0].params
    if any(each.params.with_effect() != params.with_effect() for each in selections):
        warnings.warn(
            f"the experiments were validated with different parameters; those of {first.folder.name} are used: "
            f"{params.describe()}. An ensemble that is an experiment of its own (--ensemble) has parameters of its own",
            stacklevel=5,
        )
    folders = [str(each.folder) for each in experiments]
    prediction = first.config.prediction.model_copy(update={"ensemble": folders})
    name = "+".join(each.folder.name for each in experiments)
    joint = Experiment(first.folder.with_name(name), first.config.model_copy(update={"prediction": prediction}))
    return Model(joint, Selection(ENSEMBLE, params))
