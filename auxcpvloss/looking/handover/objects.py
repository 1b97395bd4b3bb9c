"""Measurements of each instance, as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage.measure import regionprops_table

from auxcpvloss.config.units import AXES, Space

MEASURED = {
    "num_pixels": "volume_voxels",
    "intensity_mean": "mean_intensity_normalized",
    **{f"centroid-{i}": axis for i, axis in enumerate(AXES)},
    **{f"bbox-{i}": f"first_{axis}" for i, axis in enumerate(AXES)},
    **{f"bbox-{i + 3}": f"last_{axis}" for i, axis in enumerate(AXES)},
}
"""Region properties in scikit-image, and the columns that they fill."""


def describe(labels: NDArray[Any], image: NDArray[Any], margin: tuple[int, int, int] = (0, 0, 0)) -> pd.DataFrame:
    """Describe every instance of a (Z, Y, X) label volume, by rising label; docs/handover.md defines the columns.

    Labels need be neither small nor consecutive. `margin` is padding: voxels at either end, along z, y and x, that lie
    beyond the end of the volume. An axis of one voxel has no end that could cut anything.
    """
    numbers, inside = np.zeros(labels.shape, np.int32), labels > 0
    ids, rows = np.unique(labels[inside], return_inverse=True)
    numbers[inside] = rows + 1
    properties = ("num_pixels", "intensity_mean", "centroid", "bbox")
    measured = regionprops_table(numbers, image.astype(np.float64), properties=properties)
    table = pd.DataFrame({"id": ids, **{column: measured[name] for name, column in MEASURED.items()}})
    first, last = (table[[f"{end}_{axis}" for axis in AXES]] for end in ("first", "last"))
    # Boxes of scikit-image end behind their last voxel.
    table[last.columns] = last = last - 1
    ends = np.subtract(labels.shape, margin) - 1
    at_end = ((first.to_numpy() <= margin) | (last.to_numpy() >= ends)) & (np.array(labels.shape) > 1)
    table["touches"] = _neighbours(labels).reindex(ids, fill_value="").to_numpy()
    table["touches_border"] = at_end.any(axis=1).astype(int)
    return table


def _neighbours(labels: NDArray[Any]) -> pd.Series:
    """List, as text, the labels that share a face of a voxel with each label that touches others."""
    pairs = [np.empty((0, 2), labels.dtype)]
    for axis in range(labels.ndim):
        along = np.moveaxis(labels, axis, 0)
        meet = (along[1:] != along[:-1]) & (along[1:] > 0) & (along[:-1] > 0)
        touching = np.column_stack([along[1:][meet], along[:-1][meet]])
        pairs += [touching, touching[:, ::-1]]
    table = pd.DataFrame(np.concatenate(pairs), columns=["id", "other"]).drop_duplicates().sort_values("other")
    return table["other"].astype(str).groupby(table["id"]).agg(" ".join)


def object_table(
    objects: pd.DataFrame,
    confidence: NDArray[np.float64],
    space: Space,
    is_points: bool = False,
    probability: NDArray[np.float64] | None = None,
) -> str:
    """Write what `describe` gives as CSV, a line an instance; docs/handover.md defines the columns.

    `confidence` has a number for each, see `Method.confidence`; `probability` that it is right, if that was learned.
    Points, which are one voxel each, have only the columns that mean something for them.
    """
    centers = objects[list(AXES)].to_numpy()
    columns: dict[str, Any] = {"id": objects["id"]}
    columns |= {axis: _formatted(centers[:, i], ".3f") for i, axis in enumerate(AXES)}
    columns |= {f"position_{axis}": _formatted(space.position(centers)[:, i]) for i, axis in enumerate(AXES)}
    intensity = _formatted(objects["mean_intensity_normalized"])
    certainty = {"confidence": _formatted(confidence, ".3f")}
    if probability is not None:
        certainty["probability_right"] = _formatted(probability, ".3f")
    if is_points:
        columns |= {"intensity_normalized": intensity, **certainty}
    else:
        size = objects["volume_voxels"]
        columns |= {"volume_voxels": size, "volume": _formatted(size * np.prod(space.voxel_size))}
        columns |= {"mean_intensity_normalized": intensity, **certainty}
        columns |= dict(objects.loc[:, "first_z":"touches_border"].items())
    return str(pd.DataFrame({**columns, "unit": space.unit}).to_csv(index=False, lineterminator="\n"))


def _formatted(values: Any, form: str = ".6g") -> list[str]:
    return [format(value, form) for value in values]
