"""Corruption of the network's input, for methods that learn to restore it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gunpowder as gp
import numpy as np
from numpy.typing import NDArray

from auxcpvloss.network import batch as regions

Corruption = Callable[[NDArray[Any], np.random.Generator], tuple[NDArray[Any], NDArray[Any]]]


class Corrupt(gp.BatchFilter):
    """Corrupt the image when the targets are made already, and have the losses count where the method says.

    Parameters
    ----------
    raw, region : ArrayKey
    corruption : callable
        See `Method.corrupt`.
    """

    def __init__(self, raw: gp.ArrayKey, region: gp.ArrayKey, corruption: Corruption) -> None:
        self.raw, self.region, self.corruption = raw, region, corruption

    def setup(self) -> None:
        """Announce that image and region change."""
        for key in (self.raw, self.region):
            self.updates(key, self.spec[key])

    def process(self, batch: gp.Batch, request: gp.BatchRequest) -> None:
        """Draw and apply."""
        raw, region = batch[self.raw], batch[self.region]
        raw.data, counts = self.corruption(raw.data, np.random.default_rng(request.random_seed))
        inside = counts[(region.spec.roi - raw.spec.roi.begin).to_slices()]
        region.data = np.where(inside, region.data, np.uint8(regions.OUTSIDE))
