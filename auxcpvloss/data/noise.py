"""Whether the noise of an image is independent from voxel to voxel, measured from the image alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")

LAGS = 10
"""Largest distance, in voxels, at which the noise of two voxels is compared."""

CORRELATED = 0.15
"""Correlation, positive or negative, from which on it counts."""

NOISELESS = 0.005
"""Noise, as a fraction of the range of intensities, below which structures cannot be told from it."""

ROUNDING = 1e-5
"""Noise, as a fraction of intensities, that is rounding in single precision."""

TILE = 16
"""Side, in voxels, of the pieces of which the quieter half is looked at."""

HIGH_PASS = np.array([1.0, -4.0, 6.0, -4.0, 1.0])
"""Fourth difference: at structures with a width of s voxels, s^-4 times as large as they are."""

AXES = "zyx"


@dataclass(frozen=True)
class Noise:
    """The noise of an image.

    Attributes
    ----------
    sigma : float
        About its standard deviation where the image is quiet; less where noise is correlated along several axes. NaN:
        not known.
    correlation : (3, `LAGS`) array
        Correlation of the noise of voxels at a distance of 1, 2, ... along z, y and x. NaN where it is not known: along
        an axis that is too short, and where there is hardly any noise.
    """

    sigma: float
    correlation: NDArray[np.float64]

    @property
    def extent(self) -> tuple[int, int, int]:
        """Distance, in voxels, up to which noise is correlated along z, y and x; 0 where it is independent."""
        counts = np.abs(np.nan_to_num(self.correlation)) >= CORRELATED
        # The first distance at which it does not count.
        z, y, x = (int(np.argmin([*along, False])) for along in counts)
        return z, y, x


def measure_noise(image: NDArray[Any]) -> Noise:
    """Measure the correlation of noise along each axis.

    Structures are removed by a high-pass along the *other* axes, which leaves the correlation of noise along this axis
    as it is, where it is a product of functions of the distance along each axis. What is left of them lies at few
    places: of the pieces of the image, the half with the least variance is looked at.

    Parameters
    ----------
    image : (Z, Y, X) array
        An image, or part of one: a million voxels are more than enough.

    Returns
    -------
    Noise
        As little as a correlation of 0.02 is seen in a million voxels.
    """
    values = np.asarray(image, dtype=np.float32)
    low, high = np.percentile(values, [1, 99.9]) if values.size else (0.0, 0.0)
    found = [_along(values, axis) for axis in range(3)]
    sigmas = [sigma for sigma, _ in found]
    correlation = np.full((3, LAGS), np.nan)
    for along, (sigma, measured) in zip(correlation, found, strict=True):
        if sigma > max(NOISELESS * (high - low), ROUNDING * abs(high)):
            along[: len(measured)] = measured
    return Noise(float(np.nanmax([*sigmas, 0.0])) if not np.isnan(sigmas).all() else np.nan, correlation)


def _along(values: NDArray[np.float32], axis: int) -> tuple[float, NDArray[np.float64]]:
    """Give the standard deviation of noise, and its correlation along an axis; NaN and none where that is short."""
    margin, others = len(HIGH_PASS) // 2, [other for other in range(3) if other != axis]
    passed = [other for other in others if values.shape[other] > 2 * len(HIGH_PASS)]
    lags = min(LAGS, values.shape[axis] // 3)
    if not passed or lags < 2:
        return np.nan, np.empty(0)
    residual, inner = values, [slice(None)] * 3
    for other in passed:
        residual = ndimage.correlate1d(residual, HIGH_PASS / np.linalg.norm(HIGH_PASS), axis=other, mode="nearest")
        inner[other] = slice(margin, -margin)
    moved = np.moveaxis(residual[tuple(inner)], axis, -1)
    length = moved.shape[-1] - lags
    here = moved[..., :length]
    energy = _by_tile(here * here)
    quiet = (energy > 0) & (energy <= np.median(energy[energy > 0])) if (energy > 0).any() else energy > 0
    if not quiet.any():
        return 0.0, np.empty(0)
    # By regression, which does not depend on which pieces are chosen by the variance of what is regressed on.
    products = (_by_tile(here * moved[..., lag : lag + length]) for lag in range(1, lags + 1))
    measured = np.array([product[quiet].sum() / energy[quiet].sum() for product in products])
    voxels = _by_tile(np.ones_like(here))[quiet]
    return float(np.sqrt(np.median(energy[quiet] / voxels))), measured


def _by_tile(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Sum over pieces of `TILE` voxels along each axis; the last along an axis may be shorter."""
    sums = values.astype(np.float64)
    for axis, size in enumerate(values.shape):
        sums = np.add.reduceat(sums, range(0, size, TILE), axis=axis)
    return sums
