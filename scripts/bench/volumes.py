"""Volumes of worms like those of the L1 data set, and predictions of a network that is mostly right."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from auxcpvloss.data.synthetic.worms import make_worm
from bench.measure import CACHE
from bench.predictions import prediction as perturbed

L1_SHAPE, L1_NUCLEI = (140, 140, 1160), 550
QUICK_SHAPE, QUICK_NUCLEI = (80, 80, 240), 200


def size(quick: bool) -> tuple[tuple[int, int, int], int]:
    """Give shape and number of nuclei of a worm: those of L1, or few."""
    return (QUICK_SHAPE, QUICK_NUCLEI) if quick else (L1_SHAPE, L1_NUCLEI)


def worm_file(shape: tuple[int, int, int], nuclei: int, seed: int = 1) -> Path:
    """Give a file (.npz) with image (uint8) and labels (uint16) of a worm; made once."""
    return _made_once(f"worm_{_sizes(shape)}_{nuclei}_{seed}", lambda: make_worm(shape, seed, nuclei))


def worm(quick: bool, seed: int = 1) -> list[NDArray[Any]]:
    """Give image (uint8) and labels (uint16) of a worm."""
    return _read(worm_file(*size(quick), seed))


def prediction(quick: bool, seed: int = 1) -> NDArray[np.float32]:
    """Give logits of the 3-label model for such a worm, (3, Z, Y, X), wrong in some places; made once."""
    shape, nuclei = size(quick)
    name = f"prediction_{_sizes(shape)}_{nuclei}_{seed}"
    labels = worm(quick, seed)[1].astype(np.uint32)
    (logits,) = _read(_made_once(name, lambda: [perturbed(labels, seed=seed)["threeclass"]]))
    return logits


def _sizes(shape: tuple[int, int, int]) -> str:
    return "x".join(map(str, shape))


def _made_once(name: str, make: Callable[[], Sequence[NDArray[Any]]]) -> Path:
    file = CACHE / "volumes" / f"{name}.npz"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(".partial.npz")
        np.savez(beside, *make())
        beside.rename(file)
    return file


def _read(file: Path) -> list[NDArray[Any]]:
    with np.load(file) as arrays:
        return [arrays[each] for each in arrays.files]
