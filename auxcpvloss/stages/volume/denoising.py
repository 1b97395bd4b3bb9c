"""Denoise an image with a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.experiment.pretraining import HEAD
from auxcpvloss.network.tiling import Tiling
from auxcpvloss.pipeline.scan import Network, scan_volume


def denoise(
    image: Any, network: Network, tiling: Tiling, report: Callable[[int, int], None] = lambda done, total: None
) -> NDArray[np.float32]:
    """Denoise an image tile by tile.

    Parameters
    ----------
    image : (Z, Y, X) array
        As prepared.
    network : callable
        Predicts the head `HEAD`.
    tiling : Tiling
    report : callable
        Called with tiles done and tiles in all.

    Returns
    -------
    (Z, Y, X) array of float32
    """
    found = np.empty((1, *image.shape), np.float32)
    scan_volume(image, network, tiling, {HEAD: found}, report)
    return found[0]
