"""The steps of the original program after the network, written from its description: whole volumes, one by one.

Not its code, but what it does: softmax of all channels, seeds and watershed in the whole volume, foreground cut out
afterwards, and a dilation of one instance after the other, each in a mask of the whole volume; the evaluation looks for
each true nucleus at the instances under its mask. A sweep runs both for each set of parameters as a process of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mahotas
import numpy as np
import zarr
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax

SIX = ndimage.generate_binary_structure(3, 1)
THRESHOLDS = [0.1 * tenths for tenths in range(1, 10)]


def label(logits: NDArray[Any], seed_thresh: float, fg_thresh: float, num_dilations: int) -> NDArray[np.uint32]:
    """Make instances of the logits of the 3-label model, (3, Z, Y, X)."""
    background, interior, _ = softmax(logits.astype(np.float32), axis=0)
    markers, _ = ndimage.label(interior > seed_thresh, SIX)
    flooded = mahotas.cwatershed(1 - interior, markers, Bc=SIX)
    flooded[1 - background <= fg_thresh] = 0
    if num_dilations:
        grown = flooded.copy()
        for each in np.unique(flooded):
            if each:
                mask = ndimage.binary_dilation(flooded == each, SIX, iterations=num_dilations)
                grown[mask & (flooded == 0)] = each
        flooded = grown
    return flooded.astype(np.uint32)


def evaluate(truth: NDArray[Any], found: NDArray[Any]) -> dict[float, float]:
    """Give the average precision at each threshold, of an optimal matching of all pairs that overlap."""
    true_ids, found_ids = (np.unique(labels[labels > 0]) for labels in (truth, found))
    size = dict(zip(*np.unique(found, return_counts=True), strict=True))
    iou = np.zeros((len(true_ids), len(found_ids)))
    for row, nucleus in enumerate(true_ids):
        mask = truth == nucleus
        for other, shared in zip(*np.unique(found[mask], return_counts=True), strict=True):
            if other:
                iou[row, np.searchsorted(found_ids, other)] = shared / (mask.sum() + size[other] - shared)
    result = {}
    for threshold in THRESHOLDS:
        rows, columns = linear_sum_assignment(-(iou > threshold).astype(float) - iou / (2 * len(true_ids) + 1))
        matched = int((iou[rows, columns] > threshold).sum())
        result[threshold] = matched / (len(true_ids) + len(found_ids) - matched)
    return result


def store(path: Path, **arrays: NDArray[Any]) -> None:
    """Write arrays as the stages do, between which they travel as files."""
    group = zarr.open_group(str(path), mode="w")
    for name, array in arrays.items():
        group.create_dataset(
            name, data=array, compressor=zarr.Blosc(cname="zstd", clevel=3, shuffle=zarr.Blosc.SHUFFLE)
        )


def load(path: Path, name: str) -> NDArray[Any]:
    """Read an array."""
    return zarr.open_group(str(path), mode="r")[name][...]


def one_set(predicted: Path, truth: Path, out: Path, **params: Any) -> float:
    """Do for one set of parameters what a process of the sweep does: read, label, write; read, evaluate. Give avAP."""
    store(out, instances=label(load(predicted, "logits"), **params))
    scores = evaluate(load(truth, "labels"), load(out, "instances"))
    return float(np.mean(list(scores.values())))
