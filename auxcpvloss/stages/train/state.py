"""How the training in the folder of an experiment is, and how it begins anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import MISSING, WHOLE, State
from auxcpvloss.experiment.selection_file import last_iteration
from auxcpvloss.experiment.superseded import place
from auxcpvloss.experiment.training_files import note_files, write_record
from auxcpvloss.experiment.training_record import (
    CLASS_FRACTIONS,
    FILES,
    other_training,
    read_record,
    record_path,
    training_keys,
    training_record,
)
from auxcpvloss.pipeline.class_fractions import class_fractions
from auxcpvloss.stages.planned_samples import samples_of
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import lacking
from auxcpvloss.stages.train.initial import initial_weights
from auxcpvloss.stages.train.monitor import Monitor
from auxcpvloss.stages.train.preconditions import need_masks
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import replacing

RESULTS = ("report.html", "test", "val_on_train", "val")
"""Results of the experiment that depend on the weights."""


def training_state(run: Run) -> State:
    """Say how the training is."""
    experiment = run.experiment
    if not experiment.is_trained:
        return MISSING
    try:
        changed = changed_training(run)
        if changed is not None:
            return State("stale", changed)
        first = max(experiment.checkpoints.iterations(), default=0)
        if not is_done(run, Monitor(run, first), first):
            last = last_iteration(experiment)
            left = f"iterations {first + 1} to {last}" if first < last else f"validation of checkpoint {first}"
            return State("missing", f"{left} remain to be done")
    except InputError as error:
        if not run.planning:
            raise
        return State("stale", str(error))
    return WHOLE


def changed_training(run: Run) -> str | None:
    """Say why the training that is there cannot be gone on with on these volumes; None where it can.

    Raises
    ------
    InputError
        ``init.checkpoint`` names neither a file nor an experiment.
    """
    experiment = run.experiment
    samples = samples_of(run, "train") if run.planning else training_samples(run)
    recorded = (training_record(experiment) or {}).get("samples", {})
    return other_training(experiment, _made_from(experiment, samples, recorded), initial_weights(experiment))


def is_done(run: Run, monitor: Monitor, first: int) -> bool:
    """Whether nothing is left to do for a training that came to iteration `first`."""
    ended = first >= last_iteration(run.experiment) or bool(monitor.verdict())
    return bool(first) and not monitor.lacks(first) and ended


def begin_anew(run: Run) -> None:
    """Set weights of another training aside, with all that was made with them; says what changed.

    Before the networks are described and trained. What describes the networks stays, it has a record of its own. A
    command that is killed in between leaves weights of another training until the last, so that the next one goes on.
    """
    experiment = run.experiment
    changed = changed_training(run) if experiment.is_trained else None
    if changed is None:
        return
    deleted = experiment.config.general.overwrite
    run.terminal.say(
        f"training starts from the beginning because {changed}; the earlier weights and results are "
        + ("deleted (general.overwrite)" if deleted else f"kept in {place(experiment.folder, run.notes)}")
    )
    described = {path: path.read_bytes() for path in experiment.train_folder.glob("network.*")}
    averaged = experiment.config.validation.trained_models
    for name in RESULTS:
        # What other runs are best at does not depend on this training.
        if not (averaged and name == "val"):
            run.set_aside(experiment.folder / name)
    run.set_aside(experiment.train_folder)
    for path, content in described.items():
        with replacing(path) as beside:
            beside.write_bytes(content)


def training_samples(run: Run) -> list[Sample]:
    """Give the training volumes.

    Raises
    ------
    InputError
        There are none, or they are not fit to train one network.
    """
    samples = run.experiment.samples("train")
    if not samples:
        raise lacking("train")
    need_masks(run.experiment, samples)
    sizes = {sample.name: sample.voxel_size for sample in samples}
    reference = samples[0].voxel_size
    for name, size in sizes.items():
        if not np.allclose(np.divide(size, size[-1]), np.divide(reference, reference[-1]), rtol=0.05):
            raise InputError(
                f"{samples[0].name} has voxels of {reference}, {name} of {size}: the training volumes of a network "
                "need voxels of the same proportions. Set data.target_voxel_size to resample them, or data.voxel_size "
                "if the files are wrong."
            )
    return samples


def measured_fractions(run: Run, samples: Sequence[Sample]) -> dict[str, list[float]]:
    """Give the fractions of classes in the training volumes, if the training needs them: those recorded, else counted.

    They follow from the volumes; what is recorded keeps an interrupted training exact whatever counts them.
    """
    experiment = run.experiment
    table = experiment.config.training
    if table.class_balance != "data" or table.class_loss == "dice":
        return {}
    recorded: dict[str, list[float]] = (training_record(experiment) or {}).get(CLASS_FRACTIONS, {})
    if recorded:
        return recorded
    found = class_fractions(samples, experiment.method.heads)
    for name, fractions in found.items():
        run.terminal.say(
            f"fractions of classes in the training volumes, {name}: {', '.join(f'{f:.4f}' for f in fractions)}"
        )
    return found


def record_training(
    experiment: Experiment,
    samples: Sequence[Sample],
    initial: dict[str, Any] | None,
    made_with: Mapping[str, str],
    fractions: Mapping[str, Sequence[float]],
    first: int,
) -> None:
    """Write down what the weights depend on, and what is kept of the logs where training goes on."""
    record = {**training_keys(experiment), "samples": _made_from(experiment, samples), "initial": initial}
    flat = experiment.records.flat(record)
    experiment.records.keep(flat)
    experiment.records.save()
    files = (read_record(record_path(experiment)) or {}).get(FILES, {})
    follows = {"made_with": dict(made_with), **({CLASS_FRACTIONS: fractions} if fractions else {}), FILES: files}
    write_record(experiment, {**flat, **follows})
    note_files(experiment, last=first)


def _made_from(
    experiment: Experiment, samples: Sequence[Sample], recorded: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """Give what the weights depend on of volumes, by name; volumes of several splits may have the same."""
    found: dict[str, Any] = {}
    for sample in samples:
        name, number = sample.name, 1
        while name in found:
            number += 1
            name = f"{sample.name} ({number})"
        found[name] = experiment.volume_record(sample, recorded.get(name))
    return found
