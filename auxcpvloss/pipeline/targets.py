"""Targets of the network, made from patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gunpowder as gp
import numpy as np
from gunpowder.profiling import Timing
from numpy.typing import NDArray

from auxcpvloss.methods.instance_geometry import known
from auxcpvloss.methods.method import FromRaw, Head
from auxcpvloss.network import batch as region
from auxcpvloss.network.shapes import Shape
from auxcpvloss.pipeline.context import near


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
            timing = Timing(self, head.name)
            timing.start()
            roi = request[key].roi
            made[key] = _array(self._target(batch, roi, head), roi)
            timing.stop()
            batch.profiling_stats.add(timing)
        roi = request[self.region].roi
        made[self.region] = _array(regions(batch[self.labels].crop(roi).data), roi)
        return made

    def _target(self, batch: gp.Batch, roi: gp.Roi, head: Head) -> NDArray[Any]:
        grown = self._grown(roi, head)
        labels = batch[self.labels].crop(grown).data
        part = near(labels, (roi - grown.begin).to_slices(), head.context)
        patch = (roi - grown.begin - gp.Coordinate(axis.start or 0 for axis in part)).to_slices()
        if isinstance(head.target, FromRaw):
            raw = batch[self.raw].crop(grown).data
            return head.target.target(raw[part], labels[part])[(slice(None), *patch)]
        return head.target(labels[part], patch)

    def _grown(self, roi: gp.Roi, head: Head) -> gp.Roi:
        context = gp.Coordinate(self.contexts[head.name])
        return roi.grow(context, context)


def _array(data: NDArray[Any], roi: gp.Roi) -> gp.Array:
    return gp.Array(data, gp.ArraySpec(roi=roi, voxel_size=gp.Coordinate(1, 1, 1)))


def regions(labels: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Where a loss counts: (Z, Y, X) labels -> (1, Z, Y, X) map of outside, background and instance.

    What is not annotated is outside.
    """
    inside = np.where(labels == 0, np.uint8(region.BACKGROUND), np.uint8(region.INSTANCE))
    return np.where(known(labels), inside, np.uint8(region.OUTSIDE))[np.newaxis]
