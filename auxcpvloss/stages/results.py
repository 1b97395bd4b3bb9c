"""From a checkpoint to scores, one sample at a time: what predict, label, evaluate and validate_checkpoints share.

Each result records what it was made from, and is made again only if that changed.
"""

from __future__ import annotations

import json
import logging
import tomllib
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import toml
import zarr
from numpy.typing import NDArray

from auxcpvloss import metrics
from auxcpvloss.data.samples import Sample
from auxcpvloss.errors import InputError
from auxcpvloss.experiment import Experiment, difference, plain
from auxcpvloss.files import replacing, write_text
from auxcpvloss.methods import Params
from auxcpvloss.network.shapes import Shape
from auxcpvloss.network.tiling import tile_volume

logger = logging.getLogger(__name__)

Record = dict[str, Any]
Report = Callable[[str], None]


def _ignore(progress: str) -> None:
    """No progress wanted."""


def _current(path: Path, made_from: Record, recorded: Record | None) -> bool:
    """Whether a result is whole and made from the same; says in the log why not."""
    if recorded is None:
        return False
    changed = difference(recorded, made_from)
    if changed is not None:
        logger.info("%s: made again, since %s", path, changed)
    return changed is None


@lru_cache(maxsize=256)
def _checksum(path: Path, modified: int) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _predicted_from(experiment: Experiment, checkpoint: int, sample: Sample) -> Record:
    path = experiment.need_checkpoint(checkpoint)
    config = experiment.config
    return plain(
        {
            "checkpoint": _checksum(path, path.stat().st_mtime_ns),
            "dtype": config.prediction.dtype,
            "precision": config.training.precision,
            "sample": sample.made_from,
        }
    )


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
        if not _current(path, made_from, _zarr_record(path)):
            _predict(experiment, checkpoint, sample, path, made_from, networks, report)
            made += 1
    return made


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
            for head in method.predicted_heads
        }
        for array in arrays.values():
            array.attrs.update(offset=[0, 0, 0], resolution=list(sample.voxel_size))
        scan_volume(
            sample,
            networks[tiling.input_shape],
            tiling,
            arrays,
            lambda done, total: report(f"{sample.name}: tile {done} of {total}"),
        )
        root.attrs["made_from"] = made_from


def _zarr_record(path: Path) -> Record | None:
    try:
        return dict(zarr.open_group(str(path), mode="r").attrs).get("made_from")
    except zarr.errors.GroupNotFoundError:
        return None


def label_sample(experiment: Experiment, split: str, checkpoint: int, params: Params, sample: Sample) -> bool:
    """Make the instances of a predicted sample.

    Returns
    -------
    bool
        False where they were there already.

    Raises
    ------
    InputError
        The sample was not predicted.
    """
    path = experiment.instanced(split, checkpoint, params, sample.name)
    predicted = experiment.processed(split, checkpoint, sample.name)
    prediction_record = _zarr_record(predicted)
    if prediction_record is None:
        raise InputError(f"{predicted}: there is no prediction to make instances of. Run the stage predict.")
    made_from = plain(
        {"method": experiment.method.name, "params": params.model_dump(), "prediction": prediction_record}
    )
    if _current(path, made_from, _instances_record(path)):
        return False
    root = zarr.open_group(str(predicted), mode="r")
    prediction = {head.name: root[f"volumes/pred_{head.name}"][:] for head in experiment.method.predicted_heads}
    instances = experiment.method.decode(prediction, params)
    with replacing(path) as beside:
        _write_instances(beside, instances, sample.voxel_size, made_from)
    return True


def _write_instances(
    path: Path, instances: NDArray[np.uint32], voxel_size: tuple[float, float, float], made_from: Record
) -> None:
    attributes = {"offset": [0, 0, 0], "resolution": list(voxel_size)}
    if path.suffix == ".hdf":
        with h5py.File(path, "w") as file:
            dataset = file.create_dataset("volumes/instances", data=instances, compression="gzip", compression_opts=1)
            dataset.attrs.update(attributes)
            file.attrs["made_from"] = json.dumps(made_from)
    else:
        root = zarr.open_group(str(path), mode="w")
        root.create_dataset("volumes/instances", data=instances, chunks=(64, 64, 64)).attrs.update(attributes)
        root.attrs["made_from"] = made_from


def _instances_record(path: Path) -> Record | None:
    if path.suffix != ".hdf":
        return _zarr_record(path)
    if not path.is_file():
        return None
    with h5py.File(path, "r") as file:
        record: Record = json.loads(file.attrs["made_from"])
        return record


def read_instances(path: Path) -> NDArray[np.uint32]:
    """Instances as `label_sample` wrote them, (Z, Y, X)."""
    if path.suffix == ".hdf":
        with h5py.File(path, "r") as file:
            return np.asarray(file["volumes/instances"])
    return np.asarray(zarr.open_group(str(path), mode="r")["volumes/instances"])


def evaluate_sample(
    experiment: Experiment, split: str, checkpoint: int, params: Params, sample: Sample
) -> tuple[Record, bool]:
    """Score the instances of a sample against its labels.

    Returns
    -------
    (scores, made)
        The table of ``<sample>.toml``, and whether it was made now.

    Raises
    ------
    InputError
        The sample was not labelled.
    """
    path = experiment.evaluated(split, checkpoint, params) / f"{sample.name}.toml"
    instances = experiment.instanced(split, checkpoint, params, sample.name)
    optimal = experiment.config.evaluation.use_linear_sum_assignment
    instances_record = _instances_record(instances)
    if instances_record is None:
        raise InputError(f"{instances}: there are no instances to score. Run the stage label.")
    made_from = plain({"instances": instances_record, "truth": sample.made_from, "use_linear_sum_assignment": optimal})
    if path.is_file():
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        if _current(path, made_from, json.loads(table.get("made_from", "null"))):
            return table, False
    scores = metrics.score(np.asarray(sample.labels), read_instances(instances), optimal)
    table = {"made_from": json.dumps(made_from), **metrics.as_table(scores)}
    write_text(path, toml.dumps(table))
    return table, True
