"""The networks that an experiment predicts with: its own, or those of the members of an ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from auxcpvloss.config import ConfigFile
from auxcpvloss.config.tables.results import Prediction
from auxcpvloss.experiment.configuration import load, refuse_edited
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.experiment.record_keys import relevant
from auxcpvloss.experiment.selection_file import selected_or_newest
from auxcpvloss.experiment.training_record import refuse_other_training
from auxcpvloss.system.errors import InputError

KEY = "prediction.ensemble"
ALIKE = {
    "general.backend": lambda config: config.general.backend,
    "model.ndim": lambda config: config.model.ndim,
    "preprocessing": lambda config: relevant(config.preprocessing.model_dump(mode="json")),
    "data.target_voxel_size": lambda config: config.data.target_voxel_size,
}
"""What has to be the same in the ensemble and in all of its members, which get the same images."""


@dataclass(frozen=True)
class Member:
    """A network that predicts.

    Attributes
    ----------
    experiment : Experiment
        The one that trained it; with the table [prediction] of the one that predicts.
    checkpoint : int or str
    """

    experiment: Experiment
    checkpoint: Checkpoint


def members(experiment: Experiment, checkpoint: Checkpoint) -> list[Member]:
    """Give the networks whose predictions are averaged: one, unless the experiment is an ensemble.

    Of each member it is the checkpoint that its validation selected, else the newest one.

    Raises
    ------
    InputError
        A member is no experiment with checkpoints, or has other heads, images or another backend.
    """
    if not experiment.is_ensemble:
        return [Member(experiment, checkpoint)]
    if experiment.is_trained:
        raise InputError(
            f"{KEY}: {experiment.folder} has weights of its own, so it cannot be an ensemble; choose another name "
            "with -id."
        )
    return [_member(experiment, Path(name)) for name in experiment.config.prediction.ensemble]


def are_here(experiment: Experiment, checkpoint: Checkpoint) -> bool:
    """Whether the weights are on this machine, to which they need not be brought for what follows predictions."""
    if not experiment.is_ensemble:
        return experiment.checkpoints.has(checkpoint)
    return all((Path(name) / "config.toml").is_file() for name in experiment.config.prediction.ensemble)


def trainers(experiment: Experiment) -> list[Experiment]:
    """Give the experiments that trained the networks, as far as they are on this machine."""
    if not experiment.is_ensemble:
        return [experiment]
    return [each.experiment for each in members(experiment, 0)] if are_here(experiment, 0) else []


def _member(experiment: Experiment, folder: Path) -> Member:
    frozen = folder / "config.toml"
    if folder == experiment.folder:
        raise InputError(f"{KEY}: {folder} is this experiment itself; choose another name with -id.")
    if not frozen.is_file():
        raise InputError(f"{KEY}: {folder}: not an experiment; expected a folder with a config.toml.")
    table = experiment.config.prediction.model_copy(update={"ensemble": []})
    member = _opened(folder, frozen.stat().st_mtime_ns, table.model_dump_json())
    _check(experiment, member)
    refuse_other_training(member)
    checkpoint = selected_or_newest(member)
    if checkpoint is None:
        raise InputError(f"{KEY}: {folder}: has no checkpoints. Run the stage train there.")
    member.checkpoints.need(checkpoint)
    return Member(member, checkpoint)


@lru_cache(maxsize=100)
def _opened(folder: Path, written: int, prediction: str) -> Experiment:
    """Open a member, once for each version of its configuration."""
    frozen = folder / "config.toml"
    refuse_edited(frozen)
    config = load([ConfigFile.read(frozen)])
    if config.prediction.ensemble:
        raise InputError(f"{KEY}: {folder} is an ensemble itself; name its members instead.")
    table: Prediction = type(config.prediction).model_validate_json(prediction)
    return Experiment(folder, config.model_copy(update={"prediction": table}))


def _check(experiment: Experiment, member: Experiment) -> None:
    if member.config.scheme.denoises:
        raise InputError(
            f"{KEY}: {member.folder}: its network sees images that its own denoiser has made (scheme.name = "
            f"{member.config.scheme.name!r}), but an ensemble has one image for all. Average experiments with other "
            "schemes."
        )
    for key, of in ALIKE.items():
        here, there = of(experiment.config), of(member.config)
        if here != there:
            raise InputError(f"{KEY}: {member.folder}: {key} is {there!r}, but {here!r} in the ensemble.")
    heads = {head.name: head.channels for head in member.method.heads}
    lacking = [head.name for head in experiment.method.heads if heads.get(head.name) != head.channels]
    if lacking:
        raise InputError(
            f"{KEY}: {member.folder}: its method {member.method.name} has no head {', '.join(lacking)}, which "
            f"{experiment.method.name} has. Average experiments with the same model.method; choose it, without the "
            "auxiliary tasks that not all of them have, for the ensemble."
        )
