"""The prediction of a volume with a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.checksums import seal
from auxcpvloss.data.missing_chunks import open_whole
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.volume import Volume
from auxcpvloss.experiment.fingerprint import Record
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import Result, stored_zarr
from auxcpvloss.methods import Params, model_record
from auxcpvloss.network.architectures import tiling_of
from auxcpvloss.network.tiling import Tiling
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.backends import hidden
from auxcpvloss.system.checksums import known_digest
from auxcpvloss.system.errors import StageError
from auxcpvloss.system.faults import out_of_memory
from auxcpvloss.system.files import replacing
from auxcpvloss.system.lazy import lazily
from auxcpvloss.system.libraries import BACKEND, versions_of

zarr = lazily("zarr")

NAME, VERSION = "predict", 1
LIBRARIES = ("gunpowder", "keras", "numpy", BACKEND)


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
    checkpoint = experiment.checkpoint_path(subject.checkpoint)
    if stored.problem and not checkpoint.is_file():
        # Of one that is broken all can be said without the checkpoint that it was made with.
        return Result(NAME, "predictions", sample.name, (path,), {}, stored, subject, waits=False, at=subject.at)
    recorded = stored.record or {}
    needed = {head.name for params in sets for head in experiment.method.predicted_heads(params)}
    heads = [head.name for head in experiment.method.heads if head.name in needed]
    if recorded and needed <= set(recorded.get("heads", ())):
        heads = recorded["heads"]
    if recorded and not checkpoint.is_file():
        checksum = recorded.get("checkpoint")
    else:
        checksum = checkpoint_digest(experiment, subject.checkpoint)
    record = run.records.flat({"checkpoint": checksum, "heads": heads, **prediction_keys(experiment, sample)})
    return Result(NAME, "predictions", sample.name, (path,), record, stored, subject, waits=False, at=subject.at)


def prediction_keys(experiment: Experiment, sample: Sample) -> Record:
    """List what the prediction of a volume depends on, whatever the checkpoint and the heads.

    It depends on the input shape of the network in its bits: that changes how sums are rounded.
    """
    config = experiment.config
    return {
        f"version of {NAME}": VERSION,
        "model": network_keys(experiment),
        "tiles (model.test_input_shape)": tiling_of(config.model, sample.shape).input_shape,
        "prediction": {"dtype": config.prediction.dtype},
        "training": {"precision": config.training.precision},
        "sample": sample.made_from,
    }


def network_keys(experiment: Experiment) -> Record:
    """Give the keys of [model] that say how the weights are used, whatever the size of the input."""
    shapes = ("train_input_shape", "test_input_shape")
    model = model_record(experiment.config)
    return {key: value for key, value in model.items() if key not in shapes and not key.startswith("loss_")}


def checkpoint_digest(experiment: Experiment, checkpoint: int) -> str:
    """Sha256, in hex, of a checkpoint; read once as long as it stays as it is."""
    return known_digest(experiment.need_checkpoint(checkpoint))


def read_prediction(run: Run, subject: Subject, sets: Sequence[Params]) -> dict[str, NDArray[Any]]:
    """Read the heads that any of some sets of parameters needs: {head: (C, Z, Y, X)}."""
    path = run.experiment.processed(subject.split, subject.checkpoint, subject.sample.name)
    method = run.experiment.method
    group, needed = open_whole(path), {head.name: None for params in sets for head in method.predicted_heads(params)}
    return {name: Volume(path, f"volumes/pred_{name}", group).read() for name in needed}


def predict(result: Result, run: Run, report: Callable[[str], None] = lambda progress: None) -> None:
    """Predict a volume, and write the heads that are wanted."""
    with hidden():
        from auxcpvloss.pipeline.scan import scan_volume

    experiment, subject = run.experiment, result.subject
    sample, tiling = subject.sample, tiling_of(experiment.config.model, subject.sample.shape)
    with _in_memory(experiment, sample), replacing(result.paths[0]) as beside:
        root = zarr.open_group(str(beside), mode="w")
        arrays = {
            head.name: root.create_dataset(
                f"volumes/pred_{head.name}",
                shape=(head.channels, *sample.shape),
                # A tile is written at once: chunks that end where tiles do are compressed once.
                chunks=(1, *np.minimum(tiling.tile, sample.shape).tolist()),
                dtype=experiment.config.prediction.dtype,
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
            _network(run, subject.checkpoint, tiling),
            tiling,
            arrays,
            lambda done, total: report(f"{sample.name}: tile {done} of {total}"),
        )
        root.attrs.update(made_from=result.record, made_with=versions_of(*LIBRARIES))
        seal(root)


def _network(run: Run, checkpoint: int, tiling: Tiling) -> Any:
    from auxcpvloss.network.compiled import prediction_network

    experiment = run.experiment

    def load() -> Any:
        path = experiment.need_checkpoint(checkpoint)
        return prediction_network(experiment.config, experiment.method, tiling.input_shape, path)

    return run.remember(("network", checkpoint, tiling.input_shape), load)


@contextmanager
def _in_memory(experiment: Experiment, sample: Sample) -> Iterator[None]:
    """Say which key to lower where memory runs out: of the machine or of a GPU."""
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise StageError(
            f"Memory ran out while predicting {sample.name}. Lower model.test_input_shape, now "
            f"{' x '.join(map(str, experiment.config.model.test_input_shape))}: predictions do not depend on it, and "
            "whole predictions are kept."
        ) from error
