"""Intensities of any type, brought to 0..1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Preprocessing
from auxcpvloss.errors import InputError

# Percentiles are exact up to so many voxels (three volumes of L1); of larger ones every n-th voxel is looked at.
EXACT_VOXELS = 2**26


def normalize(raw: NDArray[Any], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Bring intensities to 0..1, by what is in the volume and never by a fixed maximum.

    Parameters
    ----------
    raw : (Z, Y, X) array of integer or float
        Finite.
    preprocessing : the way, and the percentiles
        Where the two percentiles are the same value (a volume that is nearly all background) the range is used.

    Returns
    -------
    (Z, Y, X) array of float32
        In 0..1; all 0 for a constant image.

    Raises
    ------
    InputError
        The image is to be taken as it is, but is not in 0..1.
    """
    low, high = float(raw.min()), float(raw.max())
    if preprocessing.normalize == "none":
        if low < 0 or high > 1:
            raise InputError(
                f"preprocessing.normalize = 'none', but the intensities are in {low:g}..{high:g}, not in 0..1; "
                "choose 'percentile' or 'min_max'"
            )
        return raw.astype(np.float32)
    if preprocessing.normalize == "percentile":
        lower, upper = _percentiles(raw, preprocessing)
        if lower < upper:
            low, high = lower, upper
    if low == high:
        return np.zeros(raw.shape, np.float32)
    scaled = np.empty(raw.shape, np.float32)
    # Plane by plane, to need double precision (large integers that differ by little) for one plane only.
    for plane, target in zip(raw, scaled, strict=True):
        target[:] = (np.clip(plane.astype(np.float64), low, high) - low) / (high - low)
    return scaled


def _percentiles(raw: NDArray[Any], preprocessing: Preprocessing) -> tuple[float, float]:
    step = -(-raw.size // EXACT_VOXELS)
    # Double precision: numpy interpolates in the type of the image, in which the result may not fit.
    values = raw.reshape(-1)[::step].astype(np.float64)
    lower, upper = np.percentile(values, (preprocessing.lower_percentile, preprocessing.upper_percentile))
    return float(lower), float(upper)
