"""Training batches by numpy and scipy, literally: the place of every voxel in memory, then one step after the other.

As this program made them before it had kernels: knots are interpolated along one axis after the other for the whole
patch, images sampled by `scipy.ndimage.map_coordinates`, labels at the rounded places, boundaries found by minimum and
maximum filters, and all targets made with the context of the patch before they are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from auxcpvloss.augment.augmentation import Setting
from auxcpvloss.augment.deform import Deformation
from auxcpvloss.augment.elastic import ELASTIC
from auxcpvloss.methods import OUTSIDE, method_of
from auxcpvloss.pipeline.context import output_shape, target_context

Boxes = tuple[tuple[int, ...], tuple[int, ...]]


class Maker:
    """Makes batches of one patch of threeclass_cpv.

    Parameters
    ----------
    samples : sequence of Sample
    config : Config
    """

    def __init__(self, samples: Sequence[Any], config: Any) -> None:
        self.samples, self.config = samples, config
        cpv = next(head for head in method_of(config).heads if head.name == "cpv")
        self.input, self.output = np.array(config.model.train_input_shape), np.array(output_shape(config))
        self.context = np.array(target_context(cpv, samples, config))

    def make(self, number: int) -> dict[str, NDArray[Any]]:
        """Give raw, classes, vectors and region, each (C, Z, Y, X)."""
        rng = np.random.default_rng(number)
        sample = self.samples[rng.integers(len(self.samples))]
        half, size = self.output // 2, np.array(sample.shape)
        low, high = np.minimum(half, size // 2), np.maximum(size - half, size // 2)
        center = rng.integers(low, high + 1)
        wanted = self.output + 2 * self.context
        boxes = [(tuple(center - shape // 2), tuple(shape)) for shape in (self.input, wanted)]
        table, setting = ELASTIC.table_of(self.config), Setting(sample.voxel_size, 3)
        whole = np.maximum(self.input, wanted)
        deformation = ELASTIC.deform(Deformation((tuple(center - whole // 2), tuple(whole))), table, setting, rng)
        raw, labels = (
            sampled(sample.raw, deformation, boxes[0], 0),
            sampled(sample.truth, deformation, boxes[1], OUTSIDE),
        )
        order, mirrored = rng.permutation(3), tuple(slice(None, None, step) for step in rng.choice([-1, 1], 3))
        raw, labels = raw[mirrored].transpose(order), labels[mirrored].transpose(order)
        scale, shift = rng.uniform(0.9, 1.1), rng.uniform(-0.1, 0.1)
        raw = raw.mean() + (raw - raw.mean()) * scale + shift
        inner = tuple(map(slice, self.context, self.context + self.output))
        near = labels[tuple(map(slice, self.context - 1, self.context + self.output + 1))]
        cut = labels[inner]
        region = np.where(cut < OUTSIDE, np.where(cut == 0, 1, 2), 0).astype(np.uint8)
        return {
            "raw": np.stack([raw]),
            "classes": np.stack([classes(near)[1:-1, 1:-1, 1:-1]]),
            "vectors": np.stack(vectors(labels)[(slice(None), *inner)]),
            "region": np.stack([region]),
        }


def sampled(volume: Any, deformation: Any, box: Boxes, beyond: Any) -> NDArray[Any]:
    """Deform a box of a volume: images linearly, labels to the nearest voxel."""
    places = sources(deformation, box)
    first = np.floor(places.min(axis=(1, 2, 3))).astype(int)
    last = np.ceil(places.max(axis=(1, 2, 3))).astype(int) + 1
    inside = [np.clip(ends, 0, volume.shape) for ends in (first, last)]
    part = volume[tuple(map(slice, *inside))]
    part = np.pad(part, list(zip(inside[0] - first, last - inside[1], strict=True)), constant_values=beyond)
    places -= first.astype(np.float32).reshape(3, 1, 1, 1)
    if part.dtype.kind == "f":
        return ndimage.map_coordinates(part, places, order=1, mode="nearest", prefilter=False)
    z, y, x = np.floor(places + np.float32(0.5)).astype(np.int32)
    return part.ravel().take((z * part.shape[1] + y) * part.shape[2] + x)


def sources(deformation: Any, box: Boxes) -> NDArray[np.float32]:
    """Find where each voxel of a box comes from: (3, Z, Y, X)."""
    shift = deformation.displacement
    moved = shift.knots
    for axis, (first, size, origin) in enumerate(zip(*box, shift.origin, strict=True), start=1):
        below, rest = np.divmod(np.arange(first, first + size) - origin, shift.subsample)
        weights = (rest / shift.subsample).astype(np.float32).reshape(-1, *[1] * (3 - axis))
        lower, upper = np.take(moved, below, axis), np.take(moved, below + 1, axis)
        moved = lower + weights * (upper - lower)
    axes = [np.arange(first, first + size) - c for first, size, c in zip(*box, deformation.center, strict=True)]
    grid = np.meshgrid(*[axis.astype(np.float32) for axis in axes], indexing="ij", sparse=True)
    for row, column in zip(*np.nonzero(deformation.linear), strict=True):
        moved[row] += deformation.linear.astype(np.float32)[row, column] * grid[column]
    return moved + deformation.center.astype(np.float32).reshape(3, 1, 1, 1)


def classes(labels: NDArray[Any]) -> NDArray[np.uint8]:
    """Tell background (0), interior (1) and boundary (2)."""
    known = labels < OUTSIDE
    least = ndimage.minimum_filter(labels, 3, mode="nearest")
    greatest = ndimage.maximum_filter(np.where(known, labels, np.uint32(0)), 3, mode="nearest")
    inside = (labels > 0) & known
    return inside.astype(np.uint8) + (inside & (least != greatest))


def vectors(labels: NDArray[Any]) -> NDArray[np.float32]:
    """Give the vector from each voxel of a nucleus to its center."""
    voxels = np.flatnonzero((labels > 0) & (labels < OUTSIDE))
    _, instance, sizes = np.unique(labels.reshape(-1)[voxels], return_inverse=True, return_counts=True)
    found = np.zeros((3, labels.size), np.float32)
    for axis, places in enumerate(np.unravel_index(voxels, labels.shape)):
        center = np.bincount(instance, weights=places, minlength=len(sizes)) / sizes
        found[axis, voxels] = center[instance] - places
    return found.reshape(3, *labels.shape)
