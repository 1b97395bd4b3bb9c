"""Which weights a training begins with: those of another experiment, of an encoder, or random ones."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from auxcpvloss.experiment import pretrained
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.pretraining import need_denoiser
from auxcpvloss.experiment.selection_file import selected_or_newest
from auxcpvloss.experiment.training_record import training_record
from auxcpvloss.network.architectures.encoders import IMAGENET
from auxcpvloss.system.errors import InputError


def initial_checkpoint(experiment: Experiment) -> Path | None:
    """Find the file that [init] names, or that of the pretraining by the scheme; None where there is none.

    "pretrained" is the network that comes with the program. Of an experiment's folder it is the checkpoint that its
    validation selected, else the newest one. "imagenet" is no file of the program, and stays what it is.

    Raises
    ------
    InputError
        Neither a file nor the folder of an experiment with checkpoints; or the pretraining is not done.
    """
    if experiment.config.scheme.finetunes:
        denoiser, last = need_denoiser(experiment)
        return denoiser.checkpoints.need(last)
    if experiment.config.init.encoder_weights:
        return _of_encoder(experiment.config.init.encoder_weights)
    name = experiment.config.init.checkpoint
    if not name:
        return None
    if name == pretrained.NAME:
        return pretrained.weights()
    place = Path(name).expanduser()
    if place.is_dir():
        return _of_experiment(experiment, place)
    if not place.is_file():
        raise InputError(f"init.checkpoint: {place}: no such file or folder.")
    return place


def _of_encoder(name: str) -> Path:
    place = Path(name).expanduser()
    if name != IMAGENET and not place.is_file():
        raise InputError(f"init.encoder_weights: {place}: no such file; give one, or {IMAGENET!r}.")
    return place


def _of_experiment(experiment: Experiment, folder: Path) -> Path:
    if folder.resolve() == experiment.folder.resolve():
        raise InputError(f"init.checkpoint: {folder} is the folder of this experiment itself; set another one.")
    # Where checkpoints lie does not depend on the configuration.
    source = Experiment(folder, experiment.config)
    checkpoints = source.checkpoints.iterations()
    if not checkpoints:
        raise InputError(f"init.checkpoint: {folder}: not the folder of an experiment with checkpoints in train/.")
    try:
        selected = selected_or_newest(source)
    except InputError as error:
        raise InputError(f"init.checkpoint: {error}") from None
    return source.checkpoints.need(checkpoints[-1] if selected is None else selected)


def initial_weights(experiment: Experiment) -> dict[str, Any] | None:
    """Say which weights a training begins, or began, with: path and checksum of their file, None for random ones.

    With the checkpoint of a training comes the record of that; it needs the file no more, but where it is there it
    has to be the same.
    """
    record = training_record(experiment)
    if record is not None and record.get("initial") is None:
        return None
    if experiment.config.init.encoder_weights == IMAGENET:
        # Their checksum is known once they were loaded, and they are the same for everybody.
        began: dict[str, Any] = record["initial"] if record else {}
        return began if began.get("path") == IMAGENET else {"path": IMAGENET}
    try:
        path = initial_checkpoint(experiment)
    except InputError:
        if record is None:
            raise
        path = None
    role = "pretrained" if experiment.config.scheme.finetunes else "checksum"
    checksum = {role: sha256(path.read_bytes()).hexdigest()} if path else {}
    if record is not None:
        return {**record["initial"], **checksum}
    named = experiment.config.init.checkpoint
    return {"path": named if named == pretrained.NAME else str(path), **checksum} if path else None


def warnings(experiment: Experiment, initial: dict[str, Any] | None) -> Iterator[str]:
    """Warn of a key that has no effect on a training that begins with these weights."""
    if experiment.config.init.freeze_iterations and initial is None:
        yield (
            "init.freeze_iterations has no effect: all weights are random, and none of them is frozen. Name weights to "
            "begin with (init.checkpoint, or init.encoder_weights of a feature pyramid), or set it to 0"
        )


def initial_file(initial: dict[str, Any]) -> Path:
    """Give the file of weights that `initial_weights` speaks of."""
    return pretrained.weights() if initial["path"] == pretrained.NAME else Path(initial["path"])
