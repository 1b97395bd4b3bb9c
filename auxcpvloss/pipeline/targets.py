"""Targets of the network, made from patches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import gunpowder as gp
import numpy as np
from numpy.typing import NDArray

from auxcpvloss.augment import AUGMENTATIONS
from auxcpvloss.augment.augmentation import Setting
from auxcpvloss.config.tables import Config
from auxcpvloss.data.samples import Sample
from auxcpvloss.methods.method import OUTSIDE, Head
from auxcpvloss.network import losses
from auxcpvloss.network.shapes import Shape


class AddTargets(gp.BatchFilter):
    """Make the targets of all heads, and the map of regions that losses weigh by.

    Parameters
    ----------
    labels : ArrayKey
    targets : mapping of ArrayKey to Head
    contexts : mapping of head name to (z, y, x)
        Voxels around the patch that the head's target needs.
    region : ArrayKey
        See `network.losses`.
    """

    def __init__(
        self,
        labels: gp.ArrayKey,
        targets: Mapping[gp.ArrayKey, Head],
        contexts: Mapping[str, Shape],
        region: gp.ArrayKey,
    ) -> None:
        self.labels = labels
        self.targets = targets
        self.contexts = contexts
        self.region = region

    def setup(self) -> None:
        """Announce the targets wherever there are labels."""
        spec = self.spec[self.labels].copy()
        spec.dtype = None
        for key in (*self.targets, self.region):
            self.provides(key, spec)
        self.enable_autoskip()

    def prepare(self, request: gp.BatchRequest) -> gp.BatchRequest:
        """Ask for labels with the largest context of the heads that are wanted."""
        roi = None
        for key, head in self.targets.items():
            if key in request:
                context = gp.Coordinate(self.contexts[head.name])
                grown = request[key].roi.grow(context, context)
                roi = grown if roi is None else roi.union(grown)
        dependencies = gp.BatchRequest()
        dependencies[self.labels] = gp.ArraySpec(roi=roi or request[self.region].roi)
        return dependencies

    def process(self, batch: gp.Batch, request: gp.BatchRequest) -> gp.Batch:
        """Compute each target on the labels with the context that it needs, and cut it to the patch."""
        labels = batch[self.labels]
        made = gp.Batch()
        for key, head in self.targets.items():
            if key in request:
                context = gp.Coordinate(self.contexts[head.name])
                patch = labels.crop(request[key].roi.grow(context, context))
                inner = tuple(slice(c, -c or None) for c in context)
                made[key] = self._array(head.target(patch.data)[(slice(None), *inner)], request[key].roi)
        if self.region in request:
            made[self.region] = self._array(
                regions(labels.crop(request[self.region].roi).data), request[self.region].roi
            )
        return made

    def _array(self, data: NDArray[Any], roi: gp.Roi) -> gp.Array:
        return gp.Array(data, gp.ArraySpec(roi=roi, voxel_size=gp.Coordinate(1, 1, 1)))


def regions(labels: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Where a loss counts: (Z, Y, X) labels -> (1, Z, Y, X) map of outside, background and instance."""
    known = np.where(labels == 0, losses.BACKGROUND, losses.INSTANCE)
    return np.where(labels == OUTSIDE, losses.OUTSIDE, known).astype(np.uint8)[np.newaxis]


def setting_of(samples: Sequence[Sample], config: Config) -> Setting:
    """Return what augmentations must know about the patches."""
    return Setting(samples[0].voxel_size, config.model.ndim)


def target_context(head: Head, samples: Sequence[Sample], config: Config) -> Shape:
    """Voxels around a patch within which everything lies that the target of a head depends on.

    A head that needs whole instances gets the largest extent of a nucleus in the training volumes, after augmentation.
    Above and below the one plane of an image there is nothing.
    """
    extent = np.zeros(3)
    if head.whole_instances:
        extent = np.max([sample.max_extent for sample in samples], axis=0).astype(float)
        for each in AUGMENTATIONS:
            if each.is_on(config):
                extent = each.extent(extent, each.table_of(config), setting_of(samples, config))
    z, y, x = (math.ceil(size) + head.context for size in extent)
    return 0 if config.model.ndim == 2 else z, y, x
