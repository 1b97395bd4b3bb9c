"""Intensities of any type, made comparable between volumes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Preprocessing
from auxcpvloss.system.errors import InputError

# Percentiles are exact up to so many voxels (three volumes of L1); of larger ones every n-th voxel is looked at.
EXACT_VOXELS = 2**26


def normalize(raw: NDArray[Any], preprocessing: Preprocessing, like: NDArray[Any] | None = None) -> NDArray[np.float32]:
    """Bring intensities to a common range, by what is in the volume and never by a fixed maximum.

    First to 0..1, then to their square or cube root if these are asked for, then, for "mean_std", to mean 0 and
    standard deviation 1.

    Parameters
    ----------
    raw : (Z, Y, X) array of integer or float
        Finite, and such that `check_range` accepts it.
    preprocessing : Preprocessing
        Where its two percentiles are the same value (a volume that is nearly all background) the range is used.
    like : array, optional
        Image by which the range is told, in place of `raw`.

    Returns
    -------
    (Z, Y, X) array of float32
        In 0..1, of any sign and size for "mean_std"; all 0 for a constant image.
    """
    scaled = _scaled(raw, preprocessing, raw if like is None else like)
    if preprocessing.normalize == "mean_std":
        _standardize(scaled, scaled if like is None else _scaled(like, preprocessing, like))
    return scaled


def _scaled(raw: NDArray[Any], preprocessing: Preprocessing, like: NDArray[Any]) -> NDArray[np.float32]:
    """Bring intensities to 0..1, and to their square or cube root if these are asked for."""
    scaled = _unit_range(raw, preprocessing, like)
    if preprocessing.square:
        np.square(scaled, out=scaled)
    if preprocessing.cuberoot:
        np.cbrt(scaled, out=scaled)
    return scaled


def check_range(raw: NDArray[Any], preprocessing: Preprocessing, origin: str) -> None:
    """Refuse intensities that do not fit the preprocessing.

    Raises
    ------
    InputError
        The image is to be taken as it is, but is not in 0..1; or no number can hold the range.
    """
    low, high = float(raw.min()), float(raw.max())
    if preprocessing.normalize == "none" and (low < 0 or high > 1):
        raise InputError(
            f"{origin}: preprocessing.normalize = 'none', but the intensities are in {low:g}..{high:g}, not in 0..1; "
            "choose 'percentile', 'min_max' or 'mean_std'"
        )
    if not np.isfinite(high - low):
        raise InputError(
            f"{origin}: intensities from {low:g} to {high:g}, too wide a range for single precision; rescale them"
        )


def _unit_range(raw: NDArray[Any], preprocessing: Preprocessing, like: NDArray[Any]) -> NDArray[np.float32]:
    if preprocessing.normalize == "none":
        return raw.astype(np.float32)
    low, high = float(like.min()), float(like.max())
    if preprocessing.normalize == "percentile":
        lower, upper = _percentiles(like, preprocessing)
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


def _standardize(scaled: NDArray[np.float32], like: NDArray[np.float32]) -> None:
    """Bring to mean 0 and standard deviation 1, in place; those of `like` are meant."""
    if like.min() == like.max():
        scaled[:] = 0
        return
    mean = like.mean(dtype=np.float64)
    variance = np.mean([np.square(plane.astype(np.float64) - mean).mean() for plane in like])
    for plane in scaled:
        plane[:] = (plane.astype(np.float64) - mean) / np.sqrt(variance)
