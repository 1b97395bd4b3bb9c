"""Train the network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.archive import place
from auxcpvloss.experiment.fingerprint import plain
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import last_iteration
from auxcpvloss.experiment.training_record import other_training, record_path, training_keys, training_record
from auxcpvloss.experiment.versions import made_with
from auxcpvloss.network.checkpoint import DamagedCheckpointError, check_checkpoint
from auxcpvloss.pipeline.batches import batches
from auxcpvloss.stages.initial import initial_weights
from auxcpvloss.stages.monitor import Monitor
from auxcpvloss.stages.needs import lacking, need_masks
from auxcpvloss.stages.records import tell_versions
from auxcpvloss.stages.trained_models import select_by_trained_models
from auxcpvloss.stages.training_log import TrainingLog
from auxcpvloss.stages.training_loop import TrainingLoop
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import replacing, write_text
from auxcpvloss.system.terminal import Terminal

if TYPE_CHECKING:
    from auxcpvloss.network.trainer import Trainer


RESULTS = ("report.html", "test", "val_on_train", "val")
"""What of the experiment depends on the weights."""


def begin_anew(experiment: Experiment, terminal: Terminal) -> None:
    """Set weights of another training aside, with all that was made with them; says what changed.

    Before the networks are described and trained. What describes the networks stays, it has a record of its own. A
    command that is killed in between leaves weights of another training until the last, so that the next one goes on.
    """
    changed = changed_training(experiment, _samples(experiment)) if experiment.is_trained else None
    if changed is None:
        return
    deleted = experiment.config.general.overwrite
    terminal.say(
        f"training begins anew, since {changed}; the weights and results of before are "
        + ("deleted (general.overwrite)" if deleted else f"kept in {place(experiment.folder, experiment.notes)}")
    )
    described = {path: path.read_bytes() for path in experiment.train_folder.glob("network.*")}
    averaged = experiment.config.validation.trained_models
    for name in RESULTS:
        # What other runs are best at does not depend on this training.
        if not (averaged and name == "val"):
            experiment.set_aside(experiment.folder / name)
    experiment.set_aside(experiment.train_folder)
    for path, content in described.items():
        with replacing(path) as beside:
            beside.write_bytes(content)


def changed_training(experiment: Experiment, samples: Sequence[Sample]) -> str | None:
    """Say why the training that is there cannot be gone on with on these volumes; None where it can.

    Raises
    ------
    InputError
        ``init.checkpoint`` names neither a file nor an experiment.
    """
    if training_record(experiment) is None:
        return f"{record_path(experiment).name}, the record of what it was made from, is missing or damaged"
    return other_training(experiment, _made_from(samples), initial_weights(experiment))


def is_done(experiment: Experiment, monitor: Monitor, first: int) -> bool:
    """Whether nothing is left to do for a training that came to iteration `first`."""
    ended = first >= last_iteration(experiment) or bool(monitor.verdict())
    return bool(first) and not monitor.lacks(first) and ended


def train(experiment: Experiment, terminal: Terminal) -> None:
    """Train up to ``training.max_iterations``, going on from the newest checkpoint.

    Checkpoints of a training with other keys, data or initial weights are set aside, see `begin_anew`.

    Raises
    ------
    InputError
        The volumes are not fit for training.
    StageError
        A worker died, or the loss is no longer a number; checkpoints are kept.
    Ended
        By a signal; the iteration is finished and kept.
    """
    config = experiment.config
    begin_anew(experiment, terminal)
    if config.validation.trained_models:
        select_by_trained_models(experiment, terminal)
    last = last_iteration(experiment)
    samples = _samples(experiment)
    initial = initial_weights(experiment)
    first, state = _newest(experiment, terminal, last)
    monitor = Monitor(experiment, first)
    if first:
        tell_versions(experiment, "train", (training_record(experiment) or {}).get("made_with", {}))
    if is_done(experiment, monitor, first):
        terminal.say(f"whole already: checkpoint of iteration {first} in {experiment.train_folder}")
        _conclude(terminal, monitor)
        return
    if first:
        kind = "checkpoint" if state == experiment.checkpoint_path(first) else "end"
        terminal.say(f"going on from the {kind} of iteration {first}")
    paths = [sample.path for sample in samples]
    with batches(paths, config, first, last) as stream:
        trainer, notes = _trainer(experiment, terminal, initial, first, state)
        _record(experiment, _made_from(samples), initial)
        with (
            TrainingLog(experiment.train_folder, first, notes.get("log")) as log,
            terminal.progress("iterations", last, first) as bar,
        ):
            done = TrainingLoop(experiment, terminal, trainer, monitor, log, bar).run(stream, first)
    _conclude(terminal, monitor)
    loss = f", loss {log.summary()}" if done > first else ""
    terminal.say(f"{done} iterations{loss}; checkpoints in {experiment.train_folder / 'checkpoints'}")


def _newest(experiment: Experiment, terminal: Terminal, last: int) -> tuple[int, Path | None]:
    """Find the newest whole state, and its iteration; sets damaged ones aside."""
    for iteration, path in reversed(experiment.states().items()):
        if path == experiment.resume_path(iteration) and iteration >= last:
            # The training was made shorter.
            continue
        try:
            check_checkpoint(path)
        except DamagedCheckpointError as error:
            aside = path.rename(path.with_name(f"{path.name}.corrupt"))
            reason = str(error).splitlines()[0].rstrip(".")
            terminal.warn(f"{reason}; set aside as {aside.name}, the next older one is taken")
        else:
            return iteration, path
    return 0, None


def _trainer(
    experiment: Experiment, terminal: Terminal, initial: dict[str, Any] | None, first: int, state: Path | None
) -> tuple[Trainer, dict[str, Any]]:
    """Make the network as it is after `first` iterations, with the notes of that state.

    Adds to `initial` the layers that were taken over.
    """
    from auxcpvloss.network.initial import describe
    from auxcpvloss.network.trainer import Trainer

    notes: dict[str, Any] = {}
    if state:
        trainer = Trainer(experiment.config, experiment.method)
        notes = trainer.load(state)
    else:
        trainer = Trainer(experiment.config, experiment.method, Path(initial["path"]) if initial else None)
        if initial:
            initial["layers"] = trainer.loaded.layers
            for line in (f"begins with the weights of {initial['path']}", *describe(trainer.loaded)):
                terminal.say(line)
    trainer.freeze(first, initial["layers"] if initial else ())
    return trainer, notes


def _conclude(terminal: Terminal, monitor: Monitor) -> None:
    if monitor.verdict():
        terminal.say(monitor.verdict())


def _samples(experiment: Experiment) -> list[Sample]:
    samples = experiment.samples("train")
    if not samples:
        raise lacking("train")
    need_masks(experiment, samples)
    sizes = {sample.name: sample.voxel_size for sample in samples}
    reference = samples[0].voxel_size
    for name, size in sizes.items():
        if not np.allclose(np.divide(size, size[-1]), np.divide(reference, reference[-1]), rtol=0.05):
            raise InputError(
                f"{samples[0].name} has voxels of {reference}, {name} of {size}: volumes that train one network need "
                "voxels of the same proportions. Resample them, or set data.voxel_size if the files are wrong."
            )
    return samples


def _made_from(samples: Sequence[Sample]) -> dict[str, Any]:
    return {sample.name: sample.made_from for sample in samples}


def _record(experiment: Experiment, samples: dict[str, Any], initial: dict[str, Any] | None) -> None:
    """Write down what the weights depend on."""
    record = {**training_keys(experiment), "samples": plain(samples), "initial": initial}
    record["made_with"] = made_with("train")
    write_text(record_path(experiment), json.dumps(record, indent=2) + "\n")
