"""What there is to say about each instance, as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from auxcpvloss.config.units import AXES, Space
from auxcpvloss.data.centers_of_mass import centers_by_label
from auxcpvloss.metrics.detection import Points

Corners = NDArray[np.int64]
Columns = dict[str, list[str]]


@dataclass(frozen=True, eq=False)
class Objects:
    """The instances of a volume, by rising label.

    Attributes
    ----------
    ids : (N,) array of the type of the labels
    sizes : (N,) array of int64
        In voxels.
    centers : (N, 3) array of float64
        Centers of mass: z, y, x, in voxels.
    first, last : (N, 3) arrays of int64
        Corners of the bounding box, both in it.
    intensity : (N,) array of float64
        Mean of the image over the voxels.
    neighbours : tuple of N arrays of the type of the labels
        Labels that share a face of a voxel with the instance, rising.
    at_border : (N,) array of bool
        Whether the instance reaches the end of the volume.
    """

    ids: NDArray[Any]
    sizes: NDArray[np.int64]
    centers: Points
    first: Corners
    last: Corners
    intensity: NDArray[np.float64]
    neighbours: tuple[NDArray[Any], ...]
    at_border: NDArray[np.bool_]


def describe(labels: NDArray[Any], image: NDArray[Any], margin: tuple[int, int, int] = (0, 0, 0)) -> Objects:
    """Describe every instance.

    Parameters
    ----------
    labels : (Z, Y, X) array of integer
        0 is background; the others are positive, and need be neither small nor consecutive.
    image : (Z, Y, X) array
    margin : tuple of int
        Voxels at either end, along z, y and x, that lie beyond the end of the volume: padding. An axis of one voxel
        has no end that could cut anything.
    """
    found = centers_by_label(labels)
    sizes = np.bincount(found.instance, minlength=len(found.ids))
    sums = np.bincount(found.instance, weights=image.reshape(-1)[found.voxels], minlength=len(found.ids))
    numbers = np.zeros(labels.shape, np.int32)
    numbers.reshape(-1)[found.voxels] = found.instance + 1
    boxes = ndimage.find_objects(numbers)
    first, last = (
        np.array([[end(side) for side in box] for box in boxes], np.int64).reshape(-1, 3)
        for end in (lambda side: side.start, lambda side: side.stop - 1)
    )
    ends = np.subtract(labels.shape, margin) - 1
    at_end = ((first <= margin) | (last >= ends)) & (np.array(labels.shape) > 1)
    return Objects(
        ids=found.ids,
        sizes=sizes,
        centers=found.positions,
        first=first,
        last=last,
        intensity=sums / sizes,
        neighbours=_neighbours(numbers, found.ids),
        at_border=np.any(at_end, axis=1),
    )


def _neighbours(numbers: NDArray[np.int32], ids: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Find the ids that share a face with each of `ids`, the instances being numbered 1, 2, ... in their order."""
    pairs = [np.empty(0, np.int64)]
    for axis in range(numbers.ndim):
        along = np.moveaxis(numbers, axis, 0)
        meet = (along[1:] != along[:-1]) & (along[1:] > 0) & (along[:-1] > 0)
        one, other = along[1:][meet].astype(np.int64) - 1, along[:-1][meet].astype(np.int64) - 1
        pairs += [one * len(ids) + other, other * len(ids) + one]
    one, other = np.divmod(np.unique(np.concatenate(pairs)), max(len(ids), 1))
    return tuple(np.split(ids[other], np.searchsorted(one, np.arange(1, len(ids))))) if len(ids) else ()


def object_table(objects: Objects, confidence: NDArray[np.float64], space: Space) -> str:
    """Write a CSV with a line an instance; docs/handover.md defines the columns.

    Parameters
    ----------
    objects : Objects
    confidence : (N,) array
        Of each, see `Method.confidence`.
    space : Space
    """
    columns: Columns = {
        "id": [str(number) for number in objects.ids],
        **_places(objects.centers, space),
        "volume_voxels": [str(size) for size in objects.sizes],
        "volume": _numbers(objects.sizes * np.prod(space.voxel_size)),
        "mean_intensity_normalized": _numbers(objects.intensity),
        "confidence": _fixed(confidence),
        **{f"first_{axis}": [str(n) for n in objects.first[:, i]] for i, axis in enumerate(AXES)},
        **{f"last_{axis}": [str(n) for n in objects.last[:, i]] for i, axis in enumerate(AXES)},
        "touches": [" ".join(map(str, ids)) for ids in objects.neighbours],
        "touches_border": [str(int(at_border)) for at_border in objects.at_border],
        "unit": [space.unit] * len(objects.ids),
    }
    return _csv(columns)


def point_table(objects: Objects, confidence: NDArray[np.float64], space: Space) -> str:
    """Write the same for points, which are one voxel each: the columns that have a meaning for them."""
    columns: Columns = {
        "id": [str(number) for number in objects.ids],
        **_places(objects.centers, space),
        "intensity_normalized": _numbers(objects.intensity),
        "confidence": _fixed(confidence),
        "unit": [space.unit] * len(objects.ids),
    }
    return _csv(columns)


def _places(centers: Points, space: Space) -> Columns:
    """Columns of places, in voxels and in space."""
    positions = space.position(centers)
    voxels = {axis: _fixed(centers[:, i]) for i, axis in enumerate(AXES)}
    return {**voxels, **{f"position_{axis}": _numbers(positions[:, i]) for i, axis in enumerate(AXES)}}


def _fixed(values: NDArray[np.float64]) -> list[str]:
    return [f"{value:.3f}" for value in values]


def _numbers(values: NDArray[np.float64]) -> list[str]:
    return [f"{value:.6g}" for value in values]


def _csv(columns: Columns) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    rows: Iterator[tuple[str, ...]] = zip(*columns.values(), strict=True)
    writer.writerows(rows)
    return text.getvalue()
