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
from auxcpvloss.methods.instance_geometry import known
from auxcpvloss.methods.method import FromRaw, Head
from auxcpvloss.network import batch as region
from auxcpvloss.network.shapes import Shape


class AddTargets(gp.BatchFilter):
    """Make the targets of all heads, and the map of regions that losses weigh by.

    Parameters
    ----------
    raw, labels : ArrayKey
    targets : mapping of ArrayKey to Head
    contexts : mapping of head name to (z, y, x)
        Voxels around the patch that the target of a head depends on.
    region : ArrayKey
        See `network.batch`.
    """

    def __init__(
        self,
        raw: gp.ArrayKey,
        labels: gp.ArrayKey,
        targets: Mapping[gp.ArrayKey, Head],
        contexts: Mapping[str, Shape],
        region: gp.ArrayKey,
    ) -> None:
        self.raw, self.labels, self.region = raw, labels, region
        self.targets, self.contexts = targets, contexts

    def setup(self) -> None:
        """Announce the targets wherever there are labels."""
        spec = self.spec[self.labels].copy()
        spec.dtype = None
        for key in (*self.targets, self.region):
            self.provides(key, spec)

    def prepare(self, request: gp.BatchRequest) -> gp.BatchRequest:
        """Ask for labels, and for the image if a target depends on it, with the largest context of a head."""
        dependencies = gp.BatchRequest()
        for key, head in self.targets.items():
            grown = self._grown(request[key].roi, head)
            for needed in (self.labels, self.raw) if isinstance(head.target, FromRaw) else (self.labels,):
                roi = dependencies[needed].roi.union(grown) if needed in dependencies else grown
                dependencies[needed] = gp.ArraySpec(roi=roi)
        return dependencies

    def process(self, batch: gp.Batch, request: gp.BatchRequest) -> gp.Batch:
        """Compute each target with the context that it depends on, and cut it to the patch."""
        made = gp.Batch()
        for key, head in self.targets.items():
            roi = request[key].roi
            grown = self._grown(roi, head)
            labels = batch[self.labels].crop(grown).data
            if isinstance(head.target, FromRaw):
                target = head.target.target(batch[self.raw].crop(grown).data, labels)
            else:
                target = head.target(labels)
            made[key] = _array(target[(slice(None), *(roi - grown.begin).to_slices())], roi)
        roi = request[self.region].roi
        made[self.region] = _array(regions(batch[self.labels].crop(roi).data), roi)
        return made

    def _grown(self, roi: gp.Roi, head: Head) -> gp.Roi:
        context = gp.Coordinate(self.contexts[head.name])
        return roi.grow(context, context)


def _array(data: NDArray[Any], roi: gp.Roi) -> gp.Array:
    return gp.Array(data, gp.ArraySpec(roi=roi, voxel_size=gp.Coordinate(1, 1, 1)))


def regions(labels: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Where a loss counts: (Z, Y, X) labels -> (1, Z, Y, X) map of outside, background and instance.

    What is not annotated is outside.
    """
    inside = np.where(labels == 0, region.BACKGROUND, region.INSTANCE)
    return np.where(known(labels), inside, region.OUTSIDE).astype(np.uint8)[np.newaxis]


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
