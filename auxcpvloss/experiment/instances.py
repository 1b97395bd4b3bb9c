"""The instances of a volume in the folder of an experiment, and how they are compared with the ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.annotated import IGNORED, without_ignored
from auxcpvloss.data.missing_chunks import read
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.volume import Volume
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import Stored, stored_hdf, stored_zarr
from auxcpvloss.metrics import Comparison
from auxcpvloss.system.checksums import file_digest

CENTERS = "centers"
"""Key of a stored record: checksum of the table next to the instances."""


def read_instances(path: Path) -> NDArray[np.uint32]:
    """Read instances: (Z, Y, X)."""
    return Volume(path, "volumes/instances").read()


def centers_path(instances: Path) -> Path:
    """Give the path of the table of the centers of instances, as `data.centers` reads it: z, y, x, id."""
    return instances.with_suffix(".csv")


def stored_instances(path: Path) -> Stored:
    """Read what instances were made from, if the centers beside them are those that were written with them."""
    stored, table = stored_hdf(path) if path.suffix == ".hdf" else stored_zarr(path), centers_path(path)
    if stored.record is None:
        return stored
    record = dict(stored.record)
    if record.pop(CENTERS, None) != (file_digest(table) if table.is_file() else ""):
        problem = "belongs to other instances" if table.is_file() else "is missing"
        return Stored(problem=f"{table.name}, the table of their centers, {problem}")
    return Stored(record, stored.made_with)


def without_file_format(record: dict[str, Any]) -> dict[str, Any]:
    """Leave the format of the file out of the record of instances: it does not affect their scores."""
    parameters = {key: value for key, value in record["postprocessing"].items() if key != "output_format"}
    return {**record, "postprocessing": parameters}


def compare(
    experiment: Experiment, sample: Sample, instances: NDArray[np.uint32], labels: NDArray[np.uint32] | None
) -> Comparison:
    """Put instances beside the labels of a volume, (Z, Y, X), or else its center points, as they are scored."""
    options, ignored = experiment.config.evaluation, None
    if sample.is_partly_annotated:
        ignored = (read(sample.truth) if labels is None else labels) == IGNORED
        labels = None if labels is None else without_ignored(labels)
    return Comparison(
        instances,
        sample.centers()[:, :3] if labels is None else labels,
        sample.voxel_size,
        outlines=experiment.method.task == "segmentation",
        optimal=options.use_linear_sum_assignment,
        detection=options.detection,
        distance_limit=options.distance_limit,
        foreground_only=options.foreground_only,
        ignored=ignored,
    )
