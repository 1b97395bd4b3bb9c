"""Inputs of the benchmarks: volumes of the size of the C. elegans L1 data set, the same bits wherever they are made."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from auxcpvloss.data.synthetic.worms import make_worm
from auxcpvloss.methods import Head, find_method

SHAPE, NUCLEI = (140, 140, 1160), 550
"""Of a volume of the L1 data set; `times` of it lie one behind the other along z."""

SURE = 6.0
"""Greatest logit: a network is not as sure as a perfect prediction."""
NOISE = {"threeclass": 0.7, "affs": 1.0, "fgbg": 1.0, "sdt": 0.05, "gauss": 0.05, "cpv": 1.0, "edt": 0.1}
"""Standard deviation of what is added to each head, in its own unit."""
SMOOTHNESS = 2.0
"""Of the noise, in voxels; of the prediction, half as much."""


def worm(times: int = 1, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Make the image and the labels of L1-sized worms, `times` of them stacked along z, with labels of their own."""
    worms = [make_worm(SHAPE, seed + i, NUCLEI) for i in range(times)]
    labels = [np.where(own > 0, own + np.uint32(i * NUCLEI), 0) for i, (_, own) in enumerate(worms)]
    return np.concatenate([raw for raw, _ in worms]), np.concatenate(labels).astype(np.uint32)


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


def main() -> None:
    """Write the inputs of a benchmark as .npy files: raw, labels, and each head of the prediction."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--method", default="threeclass", help="its heads are written (default: %(default)s)")
    parser.add_argument("--times", type=int, default=1, help="the volume, times this (default: %(default)s)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    raw, labels = worm(options.times)
    heads = prediction(labels, options.method)
    for name, array in {"raw": raw, "labels": labels, **heads}.items():
        np.save(options.folder / f"{name}.npy", array)


if __name__ == "__main__":
    main()
