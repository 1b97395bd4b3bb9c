"""From predictions to instances of samples."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import zarr
from numpy.typing import NDArray

from auxcpvloss.data.centers import format_centers
from auxcpvloss.data.centers_of_mass import centers_by_label
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.whole import open_whole, read
from auxcpvloss.experiment.fingerprint import plain
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.versions import made_with, version_of
from auxcpvloss.methods import Params
from auxcpvloss.stages.predicting import prediction_of
from auxcpvloss.stages.records import Result, current, need
from auxcpvloss.stages.stored import Record, Stored, file_digest, stored_hdf, stored_zarr
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import discard, replacing, write_text
from auxcpvloss.system.hdf import replacing_hdf

CENTERS = "centers"
"""Key of a record of instances: checksum of the table beside them."""


def label_sample(experiment: Experiment, split: str, checkpoint: int, params: Params, sample: Sample) -> bool:
    """Make the instances of a predicted sample, and the table of their centers beside them.

    Returns
    -------
    bool
        False where they were there already.

    Raises
    ------
    InputError
        The sample was not predicted.
    """
    prediction = _need_prediction(experiment, split, checkpoint, params, sample)
    result = instances_of(experiment, split, checkpoint, params, sample, prediction)
    if current(experiment, result):
        return False
    root = open_whole(prediction.paths[0])
    arrays = {head.name: read(root[f"volumes/pred_{head.name}"]) for head in experiment.method.predicted_heads(params)}
    instances = experiment.method.decode(arrays, params)
    _write_instances(result.paths[0], instances, sample, result.made_from)
    return True


def _need_prediction(experiment: Experiment, split: str, checkpoint: int, params: Params, sample: Sample) -> Result:
    """Give the prediction of a sample; refuse one that is not whole, or lacks what the parameters ask for."""
    path = experiment.processed(split, checkpoint, sample.name)
    if not path.exists():
        raise InputError(f"{path}: there is no prediction to make instances of. Run the stage predict.")
    prediction = prediction_of(experiment, split, checkpoint, sample, [params])
    there = (prediction.stored.record or {}).get("heads")
    if there and (lacking := {head.name for head in experiment.method.predicted_heads(params)} - set(there)):
        raise InputError(f"{path}: made without {', '.join(sorted(lacking))}. Run the stage predict again.")
    need(prediction, "to make instances of")
    return prediction


def instances_of(
    experiment: Experiment,
    split: str,
    checkpoint: int,
    params: Params,
    sample: Sample,
    predicted: Result | None = None,
) -> Result:
    """Say what the instances of a sample are to be made from; `predicted`: its `prediction_of`, if known.

    Raises
    ------
    InputError
        Neither the checkpoint nor a prediction is there.
    """
    predicted = predicted or prediction_of(experiment, split, checkpoint, sample, [params])
    heads = [head.name for head in experiment.method.predicted_heads(params)]
    made_from = {
        **version_of("label"),
        "method": experiment.method.name,
        "postprocessing": {**with_effect(params), "output_format": experiment.config.postprocessing.output_format},
        # It may hold more than is used.
        "predicted": {**predicted.made_from, "heads": heads},
    }
    path = experiment.instanced(split, checkpoint, params, sample.name)
    other = path.with_suffix({".hdf": ".zarr", ".zarr": ".hdf"}[path.suffix])
    stored = _stored(path if path.exists() else other)
    return Result("label", "instances", (path, centers_path(path), other), plain(made_from), stored)


def with_effect(params: Params) -> Record:
    """Give the parameters that have an effect, the others being as they are."""
    return params.model_dump(exclude=set(params.without_effect()))


def centers_path(instances: Path) -> Path:
    """Table of the centers of instances, as `data.centers` reads it: z, y, x, id."""
    return instances.with_suffix(".csv")


def _write_instances(path: Path, instances: NDArray[np.uint32], sample: Sample, made_from: Record) -> None:
    attributes = {"offset": list(sample.offset), "resolution": list(sample.voxel_size)}
    if path.suffix == ".hdf":
        with replacing_hdf(path) as file:
            dataset = file.create_dataset("volumes/instances", data=instances, compression="gzip", compression_opts=1)
            dataset.attrs.update(attributes)
            record = _write_centers(path, instances, made_from)
            file.attrs.update(made_from=json.dumps(record), made_with=json.dumps(made_with("label")))
    else:
        with replacing(path) as beside:
            root = zarr.open_group(str(beside), mode="w")
            # With chunks of background: one that is not there was lost.
            dataset = root.create_dataset(
                "volumes/instances", data=instances, chunks=(64, 64, 64), write_empty_chunks=True
            )
            dataset.attrs.update(attributes)
            root.attrs.update(made_from=_write_centers(path, instances, made_from), made_with=made_with("label"))


def _write_centers(path: Path, instances: NDArray[np.uint32], made_from: Record) -> Record:
    """Write the table beside instances; gives what they are made from, with its checksum."""
    # Never the instances of before beside the centers of now.
    discard(path)
    centers, table = centers_by_label(instances), centers_path(path)
    write_text(table, format_centers(np.column_stack([centers.positions, centers.ids])))
    return {**made_from, CENTERS: file_digest(table)}


def _stored(path: Path) -> Stored:
    """What instances were made from, if the centers beside them are those that were written with them."""
    stored, table = stored_hdf(path) if path.suffix == ".hdf" else stored_zarr(path), centers_path(path)
    if stored.record is None:
        return stored
    record = dict(stored.record)
    if record.pop(CENTERS, None) != (file_digest(table) if table.is_file() else ""):
        return Stored(problem=f"{table.name}, their centers, is {'not theirs' if table.is_file() else 'missing'}")
    return Stored(record, stored.made_with)


def read_instances(path: Path) -> NDArray[np.uint32]:
    """Instances as `label_sample` wrote them, (Z, Y, X)."""
    if path.suffix == ".hdf":
        with h5py.File(path, "r") as file:
            return np.asarray(file["volumes/instances"])
    return read(open_whole(path)["volumes/instances"])
