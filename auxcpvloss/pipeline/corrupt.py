"""Corruption of the network's input, for heads that learn to restore it."""

from __future__ import annotations

import gunpowder as gp
import numpy as np

from auxcpvloss.methods.method import OUTSIDE, Corruption
from auxcpvloss.network import batch as regions


class Corrupt(gp.BatchFilter):
    """Corrupt the image when the targets are made already, and say where its blind spots are.

    Parameters
    ----------
    raw, labels, region : ArrayKey
        The region gets a channel with the blind spots within the volume, annotated or not: see `network.batch`.
    corruption : callable
        See `Method.corrupt`.
    """

    def __init__(self, raw: gp.ArrayKey, labels: gp.ArrayKey, region: gp.ArrayKey, corruption: Corruption) -> None:
        self.raw, self.labels, self.region, self.corruption = raw, labels, region, corruption

    def setup(self) -> None:
        """Announce that image and region change."""
        for key in (self.raw, self.region):
            self.updates(key, self.spec[key])

    def prepare(self, request: gp.BatchRequest) -> gp.BatchRequest:
        """Ask for the labels, which tell where the volume ends."""
        dependencies = gp.BatchRequest()
        for key in (self.raw, self.region):
            dependencies[key] = request[key].copy()
        roi = request[self.region].roi
        asked = request[self.labels].roi if self.labels in request else roi
        dependencies[self.labels] = gp.ArraySpec(roi=roi.union(asked))
        return dependencies

    def process(self, batch: gp.Batch, request: gp.BatchRequest) -> None:
        """Draw and apply."""
        raw, region = batch[self.raw], batch[self.region]
        raw.data, spots = self.corruption(raw.data, np.random.default_rng(request.random_seed))
        spots = spots[(region.spec.roi - raw.spec.roi.begin).to_slices()]
        counts = spots & (batch[self.labels].crop(region.spec.roi).data != OUTSIDE)
        blind = np.where(counts, np.uint8(regions.INSTANCE), np.uint8(regions.OUTSIDE))
        region.data = np.concatenate([region.data, blind[np.newaxis]])
