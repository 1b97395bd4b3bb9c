"""From predictions to instances of samples."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import zarr
from numpy.typing import NDArray

from auxcpvloss.data.centers import format_centers
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.whole import open_whole, read
from auxcpvloss.detection import centers_by_label
from auxcpvloss.errors import InputError
from auxcpvloss.experiment import Experiment
from auxcpvloss.files import discard, replacing, write_text
from auxcpvloss.hdf import replacing_hdf
from auxcpvloss.made_from import plain
from auxcpvloss.methods import Params
from auxcpvloss.stages.records import Record, current, hdf_record, zarr_record


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
    path = experiment.instanced(split, checkpoint, params, sample.name)
    predicted = experiment.processed(split, checkpoint, sample.name)
    prediction_record = zarr_record(predicted)
    if prediction_record is None:
        raise InputError(f"{predicted}: there is no prediction to make instances of. Run the stage predict.")
    made_from = plain(
        {"method": experiment.method.name, "params": params.model_dump(), "prediction": prediction_record}
    )
    table = centers_path(path)
    if table.is_file() and current(experiment, path, made_from, instances_record(path)):
        return False
    heads = [head.name for head in experiment.method.predicted_heads(params)]
    if lacking := set(heads) - set(prediction_record.get("heads", ())):
        raise InputError(f"{predicted}: made without {', '.join(sorted(lacking))}. Run the stage predict again.")
    root = open_whole(predicted)
    prediction = {name: read(root[f"volumes/pred_{name}"]) for name in heads}
    instances = experiment.method.decode(prediction, params)
    _write_instances(path, instances, sample, made_from)
    return True


def centers_path(instances: Path) -> Path:
    """Table of the centers of instances, as `data.centers` reads it: z, y, x, id."""
    return instances.with_suffix(".csv")


def _write_instances(path: Path, instances: NDArray[np.uint32], sample: Sample, made_from: Record) -> None:
    attributes = {"offset": list(sample.offset), "resolution": list(sample.voxel_size)}
    if path.suffix == ".hdf":
        with replacing_hdf(path) as file:
            dataset = file.create_dataset("volumes/instances", data=instances, compression="gzip", compression_opts=1)
            dataset.attrs.update(attributes)
            file.attrs["made_from"] = json.dumps(made_from)
            _write_centers(path, instances)
    else:
        with replacing(path) as beside:
            root = zarr.open_group(str(beside), mode="w")
            # With chunks of background: one that is not there was lost.
            dataset = root.create_dataset(
                "volumes/instances", data=instances, chunks=(64, 64, 64), write_empty_chunks=True
            )
            dataset.attrs.update(attributes)
            root.attrs["made_from"] = made_from
            _write_centers(path, instances)


def _write_centers(path: Path, instances: NDArray[np.uint32]) -> None:
    # Never the instances of before beside the centers of now.
    discard(path)
    centers = centers_by_label(instances)
    write_text(centers_path(path), format_centers(np.column_stack([centers.positions, centers.ids])))


def instances_record(path: Path) -> Record | None:
    """What instances were made from; None where there are none."""
    return hdf_record(path) if path.suffix == ".hdf" else zarr_record(path)


def read_instances(path: Path) -> NDArray[np.uint32]:
    """Instances as `label_sample` wrote them, (Z, Y, X)."""
    if path.suffix == ".hdf":
        with h5py.File(path, "r") as file:
            return np.asarray(file["volumes/instances"])
    return read(open_whole(path)["volumes/instances"])
