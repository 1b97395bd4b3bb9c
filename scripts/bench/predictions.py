"""Predictions such as a good network makes: mostly right, and the same bits wherever they are made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from auxcpvloss.methods import Head, find_method

SURE = 6.0
"""Greatest logit: a network is not as sure as a perfect prediction."""
NOISE = {
    "threeclass": 0.7, "outer": 0.7, "affs": 1.0, "fgbg": 1.0, "sdt": 0.05, "nedt": 0.1, "border": 0.05, "gauss": 0.05,
    "cpv": 1.0, "edt": 0.1,
}  # fmt: skip
"""Standard deviation of what is added to each head, in its own unit."""
SMOOTHNESS = 2.0
"""Of the noise, in voxels; of the prediction, half as much."""


def prediction(labels: NDArray[np.uint32], method: str = "threeclass", seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Make what a good network might predict: the perfect prediction, smoothed and with smooth noise.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
    method : str
        In the long or the short form.
    seed : int

    Returns
    -------
    dict
        {head: (C, Z, Y, X) array of float32}
    """
    heads = find_method(method).heads
    return {head.name: _perturbed(head, labels, np.random.default_rng([seed, i])) for i, head in enumerate(heads)}


def _perturbed(head: Head, labels: NDArray[np.uint32], rng: np.random.Generator) -> NDArray[np.float32]:
    channels = head.perfect(head.target(labels)).astype(np.float32)
    if head.transforms_as != "vector":
        # Vectors, which point to one center or to another, would mix.
        channels = np.array([ndimage.gaussian_filter(each.clip(-SURE, SURE), SMOOTHNESS / 2) for each in channels])
    for channel in channels:
        noise = ndimage.gaussian_filter(rng.standard_normal(channel.shape, dtype=np.float32), SMOOTHNESS)
        channel += noise * np.float32(NOISE[head.name] / noise.std())
    return channels
