"""The prediction of a volume with a checkpoint."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.checksums import seal
from auxcpvloss.data.missing_chunks import open_whole
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.untrusted.limits import available_memory
from auxcpvloss.data.volume import Volume
from auxcpvloss.experiment.ensemble import Member, are_here, members
from auxcpvloss.experiment.fingerprint import Record
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.experiment.record_keys import TILES
from auxcpvloss.experiment.results import Result, stored_zarr
from auxcpvloss.methods import Params, model_record
from auxcpvloss.network.architectures import is_tiled_freely, tiling_of
from auxcpvloss.network.tiling import Tiling
from auxcpvloss.pipeline.averaged import joint_tiling
from auxcpvloss.pipeline.scan import Network, scan_volume
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume.arithmetic import precision_for
from auxcpvloss.stages.volume.networks import predictor, tilings_of
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.errors import StageError
from auxcpvloss.system.faults import out_of_memory
from auxcpvloss.system.files import replacing
from auxcpvloss.system.lazy import lazily
from auxcpvloss.system.libraries import BACKEND, versions_of

zarr = lazily("zarr")

NAME, VERSION = "predict", 1
LIBRARIES = ("keras", "numpy", BACKEND)
KEPT = 4
"""Networks that stay in memory for the next volumes; each shape of the input, and each checkpoint, needs its own."""
MOST_IN_CHUNK = 512
"""Voxels of a chunk along an axis, at most: codecs take less than 2 GiB at once."""


def prediction_of(run: Run, subject: Subject) -> Result:
    """Say what the prediction of a volume is to be made from.

    A prediction may hold more heads than are needed, and serves then, too. Without the file of the checkpoint, which
    need not be brought to a machine that does the rest, a whole prediction is taken as it is.

    Raises
    ------
    InputError
        Neither the checkpoint nor a prediction is there.
    """
    sets = subject.others or (subject.params,)
    return run.result(
        ("prediction", subject.split, subject.checkpoint, subject.sample.name, sets), lambda: _find(run, subject, sets)
    )


def _find(run: Run, subject: Subject, sets: Sequence[Params]) -> Result:
    experiment, sample = run.experiment, subject.sample
    path = experiment.processed(subject.split, subject.checkpoint, sample.name)
    stored = stored_zarr(path)
    has_weights = are_here(experiment, subject.checkpoint)
    if stored.problem and not has_weights:
        # Of one that is broken all can be said without the checkpoint that it was made with.
        return Result(NAME, "predictions", sample.name, (path,), {}, stored, subject, waits=False, at=subject.at)
    recorded = stored.record or {}
    needed = {head.name for params in sets for head in experiment.method.predicted_heads(params)}
    heads = [head.name for head in experiment.method.heads if head.name in needed]
    if recorded and needed <= set(recorded.get("heads", ())):
        heads = recorded["heads"]
    if recorded and not has_weights:
        checksum = recorded.get("checkpoint")
    else:
        checksum = checkpoint_digest(experiment, subject.checkpoint)
    record = run.records.flat({"checkpoint": checksum, "heads": heads, **prediction_keys(experiment, sample)})
    return Result(NAME, "predictions", sample.name, (path,), record, stored, subject, waits=False, at=subject.at)


def prediction_keys(experiment: Experiment, sample: Sample) -> Record:
    """List what the prediction of a volume depends on, whatever the checkpoint and the heads.

    It depends on its tiles where those change more than how sums are rounded.
    """
    config, tiles = experiment.config, Record()
    if not is_tiled_freely(config.model):
        tiles[TILES] = tiling_of(config, sample.shape).input_shape
    given = config.prediction.model_dump()
    included = {"dtype", "precision", *(key for key in ("augment", "ensemble") if given[key] not in ("none", []))}
    return {
        f"version of {NAME}": VERSION,
        "model": network_keys(experiment),
        **tiles,
        "prediction": config.prediction.model_dump(include=included),
        "training": {"precision": config.training.precision},
        "sample": sample.made_from,
    }


def network_keys(experiment: Experiment) -> Record:
    """Give the keys of [model] that say how the weights are used, whatever the size of the input."""
    shapes = ("train_input_shape", "test_input_shape")
    model = model_record(experiment.config)
    return {key: value for key, value in model.items() if key not in shapes and not key.startswith("loss_")}


def checkpoint_digest(experiment: Experiment, checkpoint: Checkpoint) -> str:
    """Sha256, in hex, of a checkpoint; read once as long as it stays as it is.

    Of an ensemble that of the checkpoints of all members, and of how they predict.
    """
    if not experiment.is_ensemble:
        return experiment.checkpoints.digest(checkpoint)
    made_from = [
        (
            member.experiment.checkpoints.digest(member.checkpoint),
            network_keys(member.experiment),
            member.experiment.config.training.precision,
        )
        for member in members(experiment, checkpoint)
    ]
    return sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def read_prediction(run: Run, subject: Subject, sets: Sequence[Params]) -> dict[str, NDArray[Any]]:
    """Read the heads that any of some sets of parameters needs: {head: (C, Z, Y, X)}."""
    path = run.experiment.processed(subject.split, subject.checkpoint, subject.sample.name)
    method = run.experiment.method
    group, needed = open_whole(path), {head.name: None for params in sets for head in method.predicted_heads(params)}
    return {name: Volume(path, f"volumes/pred_{name}", group).read() for name in needed}


def predict(result: Result, run: Run, report: Callable[[str], None] = lambda progress: None) -> None:
    """Predict a volume, and write the heads that are wanted."""
    experiment, subject = run.experiment, result.subject
    sample, config = subject.sample, experiment.config
    networks = members(experiment, subject.checkpoint)
    tilings = tilings_for(run, networks, sample)
    tiling, precisions = joint_tiling(tilings), tuple(_precision(run, each, subject) for each in networks)
    with in_memory(experiment, sample), replacing(result.paths[0]) as beside:
        root = zarr.open_group(str(beside), mode="w")
        arrays = {
            head.name: root.create_dataset(
                f"volumes/pred_{head.name}",
                shape=(head.channels, *sample.shape),
                # A tile is written at once: chunks that end where tiles do are compressed once.
                chunks=(1, *np.minimum(tiling.tile, sample.shape).clip(max=MOST_IN_CHUNK).tolist()),
                dtype=config.prediction.dtype,
                # Also tiles of zeros: one that is not there was lost.
                write_empty_chunks=True,
            )
            for head in experiment.method.heads
            if head.name in result.record["heads"]
        }
        for array in arrays.values():
            array.attrs.update(offset=list(sample.offset), resolution=list(sample.voxel_size))
        scan_volume(
            sample.raw,
            network_for(run, networks, tilings, tuple(result.record["heads"]), precisions),
            tiling,
            arrays,
            lambda done, total: report(f"{sample.name}: tile {done} of {total}"),
        )
        # Results do not depend on that, but for how they are rounded.
        root.attrs.update(precision=", ".join(dict.fromkeys(precisions)), input_shape=tiling.input_shape)
        root.attrs.update(made_from=result.record, made_with=versions_of(*LIBRARIES))
        seal(root)


def tilings_for(run: Run, networks: Sequence[Member], sample: Sample) -> list[Tiling]:
    """Choose the tiles of a volume; smaller ones where memory is short, with a warning."""
    config = run.experiment.config
    tilings, free = tilings_of(networks, sample.shape), available_memory()
    smaller = tilings_of(networks, sample.shape, free / 2)
    if smaller != tilings:
        memory = config.prediction.tile_memory
        # The same words for every volume are said once.
        run.warn(
            f"less than {2 * memory:g} GiB of memory are free: volumes are predicted in smaller tiles than "
            f"prediction.tile_memory = {memory:g} allows, which takes longer and changes how sums are rounded"
        )
    return smaller


def _precision(run: Run, network: Member, subject: Subject) -> str:
    """Choose the arithmetic: for each volume, so that it does not depend on which ones were predicted before."""
    chosen, why_not = precision_for(network.experiment, network.checkpoint, subject.params, subject.sample.raw)
    if why_not:
        run.warn(f"prediction.precision = 'auto' is float32 for {subject.sample.name}: {why_not}")
    return chosen


def network_for(run: Run, networks: Sequence[Member], tilings: Sequence[Tiling], *how: Any) -> Network:
    """Make the network that predicts heads in some arithmetic, or give one that was made before."""
    key = (tuple(each.checkpoint for each in networks), tuple((t.input_shape, t.tile) for t in tilings), how)
    known: dict[Any, Network] = run.remember("networks", dict)
    if key not in known:
        if len(known) == KEPT:
            del known[next(iter(known))]
            # They refer to themselves.
            gc.collect()
        known[key] = predictor(networks, tilings, *how)
    return known[key]


@contextmanager
def in_memory(experiment: Experiment, sample: Sample) -> Iterator[None]:
    """Say which key to lower where memory runs out: of the machine or of a GPU."""
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        config = experiment.config
        shape = " x ".join(map(str, config.model.test_input_shape))
        memory = f"prediction.tile_memory, now {config.prediction.tile_memory:g}"
        free = is_tiled_freely(config.model)
        key = f"model.test_input_shape, now {shape or 'chosen'}" if shape or not free else memory
        but = "predictions do not depend on it, and whole" if free else "whole"
        raise StageError(
            f"Memory ran out while predicting {sample.name}. Lower {key}: {but} predictions are kept."
        ) from error
