"""From a checkpoint to predictions of samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment import Experiment, plain
from auxcpvloss.files import replacing
from auxcpvloss.network.shapes import Shape
from auxcpvloss.network.tiling import tile_volume
from auxcpvloss.stages.records import Record, current, zarr_record

Report = Callable[[str], None]


def _ignore(progress: str) -> None:
    """No progress wanted."""


def predict_samples(
    experiment: Experiment, split: str, checkpoint: int, samples: Sequence[Sample], report: Report = _ignore
) -> int:
    """Predict samples with a checkpoint.

    Returns
    -------
    int
        How many were predicted now; the others were there already.
    """
    networks: dict[Shape, Any] = {}
    made = 0
    for sample in samples:
        made_from = _predicted_from(experiment, checkpoint, sample)
        path = experiment.processed(split, checkpoint, sample.name)
        if not current(experiment, path, made_from, zarr_record(path)):
            _predict(experiment, checkpoint, sample, path, made_from, networks, report)
            made += 1
    return made


def _predicted_from(experiment: Experiment, checkpoint: int, sample: Sample) -> Record:
    path = experiment.need_checkpoint(checkpoint)
    config = experiment.config
    return plain(
        {
            "checkpoint": _checksum(path, path.stat().st_mtime_ns),
            "heads": [head.name for head in experiment.method.predicted_heads(experiment.params)],
            "dtype": config.prediction.dtype,
            "precision": config.training.precision,
            "sample": sample.made_from,
        }
    )


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
            )
            for head in method.predicted_heads(experiment.params)
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
