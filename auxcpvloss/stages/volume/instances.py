"""The instances of a predicted volume, and the table of their centers beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.centers import format_centers
from auxcpvloss.data.centers_of_mass import centers_by_label
from auxcpvloss.data.checksums import seal
from auxcpvloss.data.target_grid import given_back
from auxcpvloss.experiment import instances
from auxcpvloss.experiment.fingerprint import Record
from auxcpvloss.experiment.instances import CENTERS, centers_path, stored_instances
from auxcpvloss.experiment.results import Result
from auxcpvloss.methods import Params, decode_sets
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume.external import given_record, read_given
from auxcpvloss.stages.volume.prediction import prediction_of, read_prediction
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.checksums import file_digest
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import discard, replacing, replacing_hdf, write_text
from auxcpvloss.system.lazy import lazily
from auxcpvloss.system.libraries import versions_of

zarr = lazily("zarr")

NAME, VERSION = "label", 1
LIBRARIES = ("mahotas", "numba", "numpy", "scipy")


def instances_of(run: Run, subject: Subject) -> Result:
    """Say what the instances of a volume are to be made from.

    Raises
    ------
    InputError
        Neither the checkpoint nor a prediction is there.
    """
    return run.result(("instances", *subject.key), lambda: _find(run, subject))


def _find(run: Run, subject: Subject) -> Result:
    name = subject.sample.name
    path = run.experiment.instanced(subject.split, subject.checkpoint, subject.params, name)
    other = path.with_suffix({".hdf": ".zarr", ".zarr": ".hdf"}[path.suffix])
    stored = stored_instances(path if path.exists() else other)
    paths, record = (path, centers_path(path), other), instances_record(run, subject)
    return Result(NAME, "instances", name, paths, record, stored, subject, at=subject.at)


def instances_record(run: Run, subject: Subject) -> Record:
    """List what the instances of a volume depend on, whether they are kept in a file or not; errors as above."""
    experiment, params = run.experiment, subject.params
    if not experiment.method.has_network:
        options = {"output_format": experiment.config.postprocessing.output_format}
        made = {"method": experiment.method.name, "postprocessing": options, "given": given_record(run, subject)}
        return run.records.flat({f"version of {NAME}": VERSION, **made})
    heads = [head.name for head in experiment.method.predicted_heads(params)]
    made_from = {
        f"version of {NAME}": VERSION,
        "method": experiment.method.name,
        "postprocessing": {**params.with_effect(), "output_format": experiment.config.postprocessing.output_format},
        # It may hold more than is used.
        "predicted": {**prediction_of(run, subject).record, "heads": heads},
    }
    return run.records.flat(made_from)


def need_prediction(run: Run, subject: Subject, purpose: str) -> None:
    """Refuse a volume whose prediction is not whole, or lacks what the parameters ask for; external results have none.

    Raises
    ------
    InputError
        Says which stage to run.
    """
    if not run.experiment.method.has_network:
        return
    path = run.experiment.processed(subject.split, subject.checkpoint, subject.sample.name)
    if not path.exists():
        raise InputError(f"{path}: there is no prediction {purpose}. Run the stage predict.")
    prediction = prediction_of(run, subject)
    there = (prediction.stored.record or {}).get("heads")
    needed = {head.name for head in run.experiment.method.predicted_heads(subject.params)}
    if there and (missing := needed - set(there)):
        raise InputError(f"{path}: made without {', '.join(sorted(missing))}. Run the stage predict again.")
    run.need(prediction, purpose)


def need_instances(run: Run, subject: Subject, purpose: str) -> None:
    """Refuse a volume that was not predicted and labelled.

    Raises
    ------
    InputError
        Says which stage to run.
    """
    need_prediction(run, subject, purpose)
    run.need(instances_of(run, subject), purpose)


def label(result: Result, run: Run) -> None:
    """Make the instances of a predicted volume, or read those that were given, and write them."""
    if not run.experiment.method.has_network:
        write_instances(result, read_given(run, result.subject))
        return
    ((_, found),) = instances_with(run, result.subject, [result.subject.params])
    write_instances(result, found)


def instances_with(run: Run, subject: Subject, sets: Sequence[Params]) -> Iterator[tuple[Params, NDArray[np.uint32]]]:
    """Make the instances of a predicted volume with each of some sets of parameters, on the grid of its files."""
    are_points = run.experiment.method.task == "detection"
    for params, found in decode_sets(read_prediction(run, subject, sets), sets):
        yield params, given_back(found, subject.sample, are_points)


def write_instances(result: Result, found: NDArray[np.uint32]) -> None:
    """Write the instances of a volume, and the table of their centers."""
    path, place = result.paths[0], result.subject.sample.original.grid
    attributes = {"offset": list(place.offset), "resolution": list(place.voxel_size)}
    if path.suffix == ".hdf":
        with replacing_hdf(path) as file:
            dataset = file.create_dataset("volumes/instances", data=found, compression="gzip", compression_opts=1)
            dataset.attrs.update(attributes)
            record = _write_centers(path, found, result.record)
            file.attrs.update(made_from=json.dumps(record), made_with=json.dumps(versions_of(*LIBRARIES)))
    else:
        with replacing(path) as beside:
            root = zarr.open_group(str(beside), mode="w")
            # With chunks of background: one that is not there was lost.
            dataset = root.create_dataset("volumes/instances", data=found, chunks=(64, 64, 64), write_empty_chunks=True)
            dataset.attrs.update(attributes)
            record = _write_centers(path, found, result.record)
            root.attrs.update(made_from=record, made_with=versions_of(*LIBRARIES))
            seal(root)


def _write_centers(path: Path, found: NDArray[np.uint32], made_from: Record) -> Record:
    """Write the table beside instances; gives what they are made from, with its checksum."""
    # Never the instances of before beside the centers of now.
    discard(path)
    centers, table = centers_by_label(found), centers_path(path)
    write_text(table, format_centers(np.column_stack([centers.positions, centers.ids])))
    return {**made_from, CENTERS: file_digest(table)}


def read_instances(run: Run, subject: Subject) -> NDArray[np.uint32]:
    """Read the instances of a labelled volume: (Z, Y, X); from the disk once, as long as memory allows."""
    path = instances_of(run, subject).paths[0]
    return run.keep((path,), lambda: instances.read_instances(path))
