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
from auxcpvloss.errors import StageError
from auxcpvloss.experiment import Experiment
from auxcpvloss.faults import out_of_memory
from auxcpvloss.files import replacing
from auxcpvloss.made_from import plain
from auxcpvloss.methods import Head, Params
from auxcpvloss.network.shapes import Shape
from auxcpvloss.network.tiling import tile_volume
from auxcpvloss.stages.records import Record, current, zarr_record

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
    heads = _heads(experiment, sets or [experiment.params])
    networks: dict[Shape, Any] = {}
    made = 0
    for sample in samples:
        path = experiment.processed(split, checkpoint, sample.name)
        recorded = zarr_record(path)
        made_from = _predicted_from(experiment, checkpoint, sample, heads, recorded)
        if not current(experiment, path, made_from, recorded):
            experiment.need_checkpoint(checkpoint)
            with _in_memory(experiment, sample):
                _predict(experiment, checkpoint, sample, path, made_from, networks, report)
            made += 1
    return made


def _heads(experiment: Experiment, sets: Sequence[Params]) -> list[Head]:
    needed = {head.name for params in sets for head in experiment.method.predicted_heads(params)}
    return [head for head in experiment.method.heads if head.name in needed]


def _predicted_from(
    experiment: Experiment, checkpoint: int, sample: Sample, heads: Sequence[Head], recorded: Record | None
) -> Record:
    config, names = experiment.config, [head.name for head in heads]
    if recorded and set(names) <= set(recorded.get("heads", ())):
        # A prediction may hold more than is needed.
        names = recorded["heads"]
    if recorded and not experiment.checkpoint_path(checkpoint).is_file():
        checksum = recorded["checkpoint"]
    else:
        path = experiment.need_checkpoint(checkpoint)
        checksum = _checksum(path, path.stat().st_mtime_ns)
    return plain(
        {
            "checkpoint": checksum,
            "heads": names,
            "dtype": config.prediction.dtype,
            "precision": config.training.precision,
            "sample": sample.made_from,
        }
    )


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
    path: Path,
    made_from: Record,
    networks: dict[Shape, Any],
    report: Report,
) -> None:
    from auxcpvloss.network.compiled import prediction_network
    from auxcpvloss.pipeline.scan import scan_volume

    config, method = experiment.config, experiment.method
    tiling = tile_volume(config.model.geometry, config.model.test_input_shape, sample.shape)
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
            if head.name in made_from["heads"]
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
        root.attrs["made_from"] = made_from
