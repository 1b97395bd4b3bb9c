"""How far around a patch its targets reach, which the nuclei decide."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.augment import AUGMENTATIONS
from auxcpvloss.augment.augmentation import Setting
from auxcpvloss.config.tables import Config
from auxcpvloss.data.samples import Sample
from auxcpvloss.methods.instance_geometry import known
from auxcpvloss.methods.method import Head
from auxcpvloss.network.architectures import geometry
from auxcpvloss.network.shapes import Shape

MOST = 2**25
"""Voxels of a patch with its context, at most; nuclei that do not fit are cut, as they are by the end of a volume."""
LARGE = 2**22
"""Voxels of a patch with its context above which it is searched for what belongs to the patch."""

Box = tuple[slice, slice, slice]


def setting_of(samples: Sequence[Sample], config: Config) -> Setting:
    """Return what augmentations must know about the patches."""
    return Setting(samples[0].voxel_size, config.model.ndim)


def output_shape(config: Config) -> Shape:
    """Shape of the network's output in training."""
    sizes = [
        axis.output_size(size)
        for axis, size in zip(geometry(config.model), config.model.train_input_shape, strict=True)
    ]
    z, y, x = (size for size in sizes if size is not None)
    return z, y, x


def target_context(head: Head, samples: Sequence[Sample], config: Config) -> Shape:
    """Voxels around a patch within which everything lies that the target of a head depends on.

    A head that needs whole instances gets the largest extent of a nucleus in the training volumes, after augmentation,
    as far as it fits in `MOST`. Above and below the one plane of an image there is nothing.
    """
    extent, output = _extent(samples, config) if head.whole_instances else np.zeros(3), output_shape(config)
    for percent in range(100, 0, -1):
        context = _context(extent * percent / 100, head, config)
        if math.prod(size + 2 * more for size, more in zip(output, context, strict=True)) <= MOST:
            break
    return context


def whole_nuclei_fit(heads: Sequence[Head], samples: Sequence[Sample], config: Config) -> bool:
    """Whether all of the largest nucleus is looked at, where a target depends on it."""
    extent = _extent(samples, config)
    return all(
        target_context(head, samples, config) == _context(extent, head, config)
        for head in heads
        if head.whole_instances
    )


def _extent(samples: Sequence[Sample], config: Config) -> NDArray[np.float64]:
    extent = np.max([sample.max_extent for sample in samples], axis=0).astype(float)
    for each in AUGMENTATIONS:
        if each.is_on(config):
            extent = each.extent(extent, each.table_of(config), setting_of(samples, config))
    return extent


def _context(extent: NDArray[np.float64], head: Head, config: Config) -> Shape:
    z, y, x = (math.ceil(size) + head.context for size in extent)
    return 0 if config.model.ndim == 2 else z, y, x


def deciding_sample(samples: Sequence[Sample]) -> Sample:
    """Give the training volume whose nuclei decide the context most."""
    return max(samples, key=lambda sample: math.prod(sample.max_extent))


def near(labels: NDArray[np.uint32], patch: Box, context: int) -> Box:
    """Find the part of labels that the target of a patch depends on: all of each instance that enters it.

    Parameters
    ----------
    labels : (Z, Y, X) array
        All of it, if it is not large: searching costs more than it saves.
    patch : slices
        The patch within `labels`.
    context : int
        Voxels around patch and instances that count too.
    """
    if labels.size <= LARGE:
        return slice(None), slice(None), slice(None)
    core = _grown(patch, context, labels.shape)
    ids = np.unique(labels[core])
    ids = ids[(ids > 0) & known(ids)]
    there = [np.zeros(size, bool) for size in labels.shape]
    for axis, part in zip(there, core, strict=True):
        axis[part] = True
    for number, plane in enumerate(labels if len(ids) else []):
        is_wanted = ids[np.searchsorted(ids, plane).clip(max=len(ids) - 1)] == plane
        there[0][number] |= is_wanted.any()
        there[1] |= is_wanted.any(axis=1)
        there[2] |= is_wanted.any(axis=0)
    z, y, x = (slice(int(axis.argmax()), len(axis) - int(axis[::-1].argmax())) for axis in there)
    return _grown((z, y, x), context, labels.shape)


def _grown(box: Box, by: int, shape: Sequence[int]) -> Box:
    z, y, x = (slice(max(part.start - by, 0), min(part.stop + by, size)) for part, size in zip(box, shape, strict=True))
    return z, y, x
