"""From a checkpoint to predictions of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.fingerprint import plain, relevant
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.versions import made_with, version_of
from auxcpvloss.methods import Params
from auxcpvloss.network.architectures import geometry
from auxcpvloss.network.shapes import Shape
from auxcpvloss.network.tiling import tile_volume
from auxcpvloss.stages.records import Result, current
from auxcpvloss.stages.stored import Record, stored_zarr
from auxcpvloss.system.errors import StageError
from auxcpvloss.system.faults import out_of_memory
from auxcpvloss.system.files import replacing

Report = Callable[[str], None]


def _ignore(progress: str) -> None:
    """No progress wanted."""


def predict_samples(
    experiment: Experiment,
    split: str,
    checkpoint: int,
    samples: Sequence[Sample],
    report: Report = _ignore,
    sets: Sequence[Params] = (),
) -> int:
    """Predict samples with a checkpoint.

    Without the checkpoint's file, which need not be brought to a machine that does the rest, whole predictions are
    taken as they are.

    Parameters
    ----------
    experiment, split, checkpoint, samples, report
    sets : sequence of Params, optional
        Parameters that post-processing will use: what any of them needs is predicted. Those of [postprocessing] if
        not given.

    Returns
    -------
    int
        How many were predicted now; the others were there already.

    Raises
    ------
    InputError
        A sample is to be predicted, and there is no such checkpoint.
    """
    networks: dict[Shape, Any] = {}
    made = 0
    for sample in samples:
        result = prediction_of(experiment, split, checkpoint, sample, sets)
        if result.state.kind != "whole":
            # Before the old one is moved: without the checkpoint it could not be made again.
            experiment.need_checkpoint(checkpoint)
        if not current(experiment, result):
            experiment.need_checkpoint(checkpoint)
            with _in_memory(experiment, sample):
                _predict(experiment, checkpoint, sample, result, networks, report)
            made += 1
    return made


def prediction_of(
    experiment: Experiment, split: str, checkpoint: int, sample: Sample, sets: Sequence[Params] = ()
) -> Result:
    """Say what the prediction of a sample is to be made from, for parameter sets as in `predict_samples`.

    Raises
    ------
    InputError
        Neither the checkpoint nor a prediction is there.
    """
    path = experiment.processed(split, checkpoint, sample.name)
    stored = stored_zarr(path)
    # Of one that is broken all can be said without the checkpoint that it was made with.
    known = not stored.problem or experiment.checkpoint_path(checkpoint).is_file()
    of = sets or [experiment.params]
    made_from = predicted_from(experiment, checkpoint, sample, of, stored.record) if known else {}
    return Result("predict", "predictions", (path,), made_from, stored)


def predicted_from(
    experiment: Experiment, checkpoint: int, sample: Sample, sets: Sequence[Params], recorded: Record | None
) -> Record:
    """List all that a prediction depends on, in its bits: the input of the network changes how sums are rounded.

    What cannot be known here, such as the checkpoint on a machine that it was not brought to, is taken from what is
    recorded.
    """
    needed = {head.name for params in sets for head in experiment.method.predicted_heads(params)}
    names = [head.name for head in experiment.method.heads if head.name in needed]
    if recorded and needed <= set(recorded.get("heads", ())):
        # A prediction may hold more than is needed.
        names = recorded["heads"]
    if recorded and not experiment.checkpoint_path(checkpoint).is_file():
        checksum = recorded.get("checkpoint")
    else:
        checksum = checkpoint_digest(experiment.need_checkpoint(checkpoint))
    return plain({"checkpoint": checksum, "heads": names, **prediction_keys(experiment, sample)})


def prediction_keys(experiment: Experiment, sample: Sample) -> Record:
    """List what the prediction of a sample depends on, whatever the checkpoint and the heads."""
    config = experiment.config
    return {
        **version_of("predict"),
        "model": network_keys(experiment),
        "tiles (model.test_input_shape)": _tiles(experiment, sample),
        "prediction": {"dtype": config.prediction.dtype},
        "training": {"precision": config.training.precision},
        "sample": sample.made_from,
    }


def _tiles(experiment: Experiment, sample: Sample) -> Shape:
    model = experiment.config.model
    return tile_volume(geometry(model), model.test_input_shape, sample.shape).input_shape


def network_keys(experiment: Experiment) -> Record:
    """Give the keys of [model] that say how the weights are used, whatever the size of the input."""
    model = experiment.config.model.model_dump(mode="json", exclude={"train_input_shape", "test_input_shape"})
    keys: Record = relevant({key: value for key, value in model.items() if not key.startswith("loss_")})
    return keys


def checkpoint_digest(path: Path) -> str:
    """Sha256, in hex, of a checkpoint; read once as long as it stays as it is."""
    return _checksum(path, path.stat().st_mtime_ns)


@contextmanager
def _in_memory(experiment: Experiment, sample: Sample) -> Iterator[None]:
    """Say which key to lower where memory runs out: of the machine or of a GPU."""
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise StageError(
            f"Memory ran out while {sample.name} was predicted. Lower model.test_input_shape, now "
            f"{' x '.join(map(str, experiment.config.model.test_input_shape))}: predictions do not depend on it, and "
            "those that are whole are kept."
        ) from error


@lru_cache(maxsize=256)
def _checksum(path: Path, modified: int) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _predict(
    experiment: Experiment,
    checkpoint: int,
    sample: Sample,
    result: Result,
    networks: dict[Shape, Any],
    report: Report,
) -> None:
    from auxcpvloss.network.compiled import prediction_network
    from auxcpvloss.pipeline.scan import scan_volume

    config, method, (path, *_) = experiment.config, experiment.method, result.paths
    tiling = tile_volume(geometry(config.model), config.model.test_input_shape, sample.shape)
    if tiling.input_shape not in networks:
        networks[tiling.input_shape] = prediction_network(
            config, method, tiling.input_shape, experiment.checkpoint_path(checkpoint)
        )
    with replacing(path) as beside:
        root = zarr.open_group(str(beside), mode="w")
        arrays = {
            head.name: root.create_dataset(
                f"volumes/pred_{head.name}",
                shape=(head.channels, *sample.shape),
                # A tile is written at once: chunks that end where tiles do are compressed once.
                chunks=(1, *np.minimum(tiling.tile, sample.shape).tolist()),
                dtype=config.prediction.dtype,
                # Also tiles of zeros: one that is not there was lost.
                write_empty_chunks=True,
            )
            for head in method.heads
            if head.name in result.made_from["heads"]
        }
        for array in arrays.values():
            array.attrs.update(offset=list(sample.offset), resolution=list(sample.voxel_size))
        scan_volume(
            sample,
            networks[tiling.input_shape],
            tiling,
            arrays,
            lambda done, total: report(f"{sample.name}: tile {done} of {total}"),
        )
        root.attrs.update(made_from=result.made_from, made_with=made_with("predict"))
