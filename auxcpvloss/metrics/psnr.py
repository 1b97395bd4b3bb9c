"""How near an image is to the one without noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.system.lazy import lazily

metrics = lazily("skimage.metrics")


def psnr(clean: NDArray[Any], image: NDArray[Any], data_range: float | None = None) -> float:
    """Peak signal-to-noise ratio, 10 log10(range^2 / mean squared difference), in decibels.

    Parameters
    ----------
    clean, image : arrays of the same shape
        In the same intensities: what a network gives is normalized, and has to be scaled back first.
    data_range : float, optional
        Range of intensities; by default that of `clean`, from the lowest to the highest.

    Returns
    -------
    float
        Infinite where the images are equal.

    Raises
    ------
    ValueError
        The shapes differ, or all of `clean` is the same and no range is given.
    """
    true, tested = np.asarray(clean, dtype=np.float64), np.asarray(image, dtype=np.float64)
    if data_range is None and (data_range := float(np.ptp(true))) == 0:
        raise ValueError(f"all voxels are {true.flat[0]}: give the range of intensities")
    if true.shape == tested.shape and (true == tested).all():
        return float("inf")
    return float(metrics.peak_signal_noise_ratio(true, tested, data_range=data_range))
