"""Measure training volumes and their nuclei."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Data, Preprocessing
from auxcpvloss.config.units import Vector
from auxcpvloss.configure import recipe
from auxcpvloss.configure.facts import Brightness, VolumeFacts
from auxcpvloss.data.decoded_files import Content
from auxcpvloss.data.objects import Objects
from auxcpvloss.data.sources.source import Source, voxel_size
from auxcpvloss.data.verify import verify
from auxcpvloss.methods.instance_geometry import INSIDE, classes
from auxcpvloss.system.lazy import lazily

spatial = lazily("scipy.spatial")


def measure_volume(source: Source, data: Data, preprocessing: Preprocessing) -> tuple[VolumeFacts, list[str]]:
    """Verify and measure a training volume; gives what is odd about it, too.

    Raises
    ------
    InputError
        It is not fit for training, see `verify`.
    """
    content = Content.of(source, data)
    is_image = content.raw.shape[0] == 1
    found = verify(source, "train", data, preprocessing, 2 if is_image else 3, content)
    size = voxel_size(source, data)
    if content.labels is None or content.objects is None:
        return _of_points(source, content, size), list(found.warnings)
    labels, objects = content.labels, content.objects
    dense = _consecutive(labels, objects)
    inside = np.bincount(dense[classes(dense) == INSIDE], minlength=len(objects.ids) + 1)[1:]
    facts = VolumeFacts(
        name=source.name,
        shape=found.shape,
        voxel_size=size,
        nuclei=len(objects.ids),
        extents=objects.extents,
        is_whole=~np.isin(np.arange(1, len(objects.ids) + 1), _at_the_end(dense)),
        has_interior=inside > 0,
        is_touching=touching(dense, len(objects.ids)),
        brightness=_brightness(content, dense, objects, preprocessing),
    )
    return facts, list(found.warnings)


def touching(labels: NDArray[np.uint32], number: int) -> NDArray[np.bool_]:
    """Tell which of the labels 1 to `number` of a (Z, Y, X) array share a face with another one: (number,)."""
    found = np.zeros(number + 1, bool)
    for axis in range(3):
        along = np.moveaxis(labels, axis, 0)
        before, after = along[:-1], along[1:]
        meet = (before != after) & (before > 0) & (after > 0)
        found[before[meet]] = True
        found[after[meet]] = True
    return found[1:]


def guessed_diameter(points: NDArray[Any], size: Vector) -> float:
    """Guess the diameter of nuclei, in space, from (N, 3) centers in voxels: where they are dense, they touch.

    It is the lower quartile of the distances to the nearest neighbour, at most `recipe.LARGEST_GUESS` voxels along x.
    """
    most = recipe.LARGEST_GUESS * size[2]
    if len(points) < 2:
        return most / 2
    places = points[:, :3] * size
    nearest = spatial.cKDTree(places).query(places, 2)[0][:, 1]
    return float(np.clip(np.quantile(nearest, 0.25), size[2], most))


def _consecutive(labels: NDArray[Any], objects: Objects) -> NDArray[np.uint32]:
    """Number the labels 1 to N, in the order of `objects`."""
    places = np.searchsorted(objects.ids, labels) + 1
    return np.where(labels > 0, places, 0).astype(np.uint32)


def _at_the_end(labels: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """List the labels that the end of the volume may cut; an image ends in its plane only."""
    ends = [np.take(labels, (0, -1), axis) for axis, size in enumerate(labels.shape) if size > 1]
    return np.unique(np.concatenate([end.reshape(-1) for end in ends])) if ends else np.empty(0, np.uint32)


def _of_points(source: Source, content: Content, size: Vector) -> VolumeFacts:
    points = content.centers if content.centers is not None else np.empty((0, 4))
    extent = np.ceil(guessed_diameter(points, size) / np.array(size)).clip(max=content.raw.shape)
    none, yes = np.empty(0, bool), np.ones(1, bool)
    z, y, x = content.raw.shape
    return VolumeFacts(source.name, (z, y, x), size, len(points), extent[np.newaxis], yes, none, none, None, True)


def _brightness(
    content: Content, labels: NDArray[np.uint32], objects: Objects, preprocessing: Preprocessing
) -> Brightness | None:
    outside = labels == 0
    if content.ignored is not None:
        outside &= ~content.ignored
    if not len(objects.ids) or not outside.any():
        return None
    raw = content.raw
    means = np.bincount(labels.reshape(-1), raw.reshape(-1))[1:] / objects.sizes
    darkest, *upper = np.percentile(raw, (preprocessing.lower_percentile, *recipe.UPPER)).tolist()
    foreground = float((labels > 0).mean())
    return Brightness(darkest, float(np.median(raw[outside])), float(np.median(means)), tuple(upper), foreground)
