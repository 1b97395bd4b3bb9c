"""Volumes of worms like those of the L1 data set, and predictions of a network that is mostly right."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from auxcpvloss.data.synthetic.worms import make_worm
from auxcpvloss.methods.threeclass import target
from bench.measure import CACHE

L1_SHAPE, L1_NUCLEI = (140, 140, 1160), 550
QUICK_SHAPE, QUICK_NUCLEI = (80, 80, 240), 200
SURE, NOISE = 6.0, 0.7
"""Logit of the right class before it is blurred, and standard deviation of the noise."""


def worm(quick: bool, seed: int = 1) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Give image and labels of a worm of the size of L1, or of a small one; made once."""
    return worm_of(*((QUICK_SHAPE, QUICK_NUCLEI) if quick else (L1_SHAPE, L1_NUCLEI)), seed)


def worm_of(shape: tuple[int, int, int], nuclei: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Give image and labels of a worm; made once."""
    return _made_once(f"worm_{_sizes(shape)}_{nuclei}_{seed}", lambda: make_worm(shape, seed, nuclei))


def prediction(quick: bool, seed: int = 1) -> NDArray[np.float16]:
    """Give logits of the 3-label model for such a worm, (3, Z, Y, X), wrong in some places; made once."""
    shape, nuclei = (QUICK_SHAPE, QUICK_NUCLEI) if quick else (L1_SHAPE, L1_NUCLEI)
    labels = worm_of(shape, nuclei, seed)[1]
    (logits,) = _made_once(f"prediction_{_sizes(shape)}_{nuclei}_{seed}", lambda: (perturbed(labels, seed),))
    return logits


def perturbed(labels: NDArray[Any], seed: int) -> NDArray[np.float16]:
    """Blur the logits of a network that knows the labels, and add smooth noise: some splits, merges and misses."""
    classes = target(labels.astype(np.uint32))[0]
    rng = np.random.default_rng(seed)
    result = np.empty((3, *labels.shape), np.float16)
    for number in range(3):
        sure = ndimage.gaussian_filter(np.where(classes == number, np.float32(SURE), 0), 1)
        noise = ndimage.gaussian_filter(rng.standard_normal(labels.shape, dtype=np.float32), 2)
        result[number] = sure + NOISE / noise.std() * noise
    return result


def _sizes(shape: tuple[int, int, int]) -> str:
    return "x".join(map(str, shape))


def _made_once(name: str, make: Any) -> list[NDArray[Any]]:
    file = CACHE / "volumes" / f"{name}.npz"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(".partial.npz")
        np.savez(beside, *make())
        beside.rename(file)
    with np.load(file) as arrays:
        return [arrays[each] for each in arrays.files]
