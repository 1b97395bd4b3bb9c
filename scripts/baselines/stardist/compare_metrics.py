"""Compare auxcpvloss.metrics with StarDist's matching, on random and on real label volumes.

SEG, which StarDist lacks, is compared with a direct implementation of its definition, and the table of overlaps with
scikit-image's contingency table. Renaming the labels, to 64 bit numbers, must not change the scores.

Run by metrics.py, in the environment with StarDist. Exit status 1 if anything differs.

StarDist counts a pair if IoU >= t, this project if IoU > t, and StarDist's IoU is float32. The thresholds therefore
lie slightly above 0.1 .. 0.9, and no IoU may be so close to them that the two could differ. (tests/metrics has the case
IoU == t.)
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.metrics import contingency_table
from skimage.morphology import ball
from skimage.segmentation import watershed

from auxcpvloss import metrics
from auxcpvloss.metrics.average_precision import PATHS

Volume = NDArray[Any]
Pair = tuple[str, Volume, Volume]

RANDOM_PAIRS = 300
# float32 rounds an IoU by less than 1e-7.
GAP = 1e-6
TOLERANCE = 1e-9
TOLERANCE_OF_IOU = 1e-6
THEIRS = {
    **{"TP": "tp", "FP": "fp", "FN": "fn", "AP": "accuracy"},
    **{"precision": "precision", "recall": "recall", "fscore": "f1"},
}
OF_IOU = ("mean matched IoU", "mean true IoU", "PQ")
"""Compared at 0.5; StarDist sums IoU in float32."""


def random_labels(rng: np.random.Generator, shape: tuple[int, ...], instances: int) -> Volume:
    """Label the cells of random points, each cut off at a random radius: touching, and with background."""
    points = rng.random((instances, 3)) * shape
    distances = np.stack([np.linalg.norm(np.moveaxis(np.indices(shape), 0, -1) - point, axis=-1) for point in points])
    nearest = distances.argmin(axis=0)
    radius = rng.uniform(2, 8, instances)
    names = rng.permutation(np.arange(1, 60_000))[:instances]
    return np.where(distances.min(axis=0) < radius[nearest], names[nearest], 0)


def random_pairs(number: int) -> Iterator[Pair]:
    """Every second pair is unrelated volumes (many low IoU), the others are a volume and a faulty copy."""
    for seed in range(number):
        rng = np.random.default_rng(seed)
        shape = tuple(rng.integers(8, 24, 3))
        truth = random_labels(rng, shape, int(rng.integers(1, 40)))
        if seed % 2:
            yield f"random {seed}", truth, random_labels(rng, shape, int(rng.integers(1, 40)))
        else:
            yield f"random {seed}", truth, with_faults(truth, rng)


def with_faults(labels: Volume, rng: np.random.Generator) -> Volume:
    """Copy a segmentation with the faults of real ones: dropped, merged, split, grown, shrunk and shifted."""
    faulty = np.roll(labels, rng.integers(-1, 2, labels.ndim), axis=tuple(range(labels.ndim)))
    ids = rng.permutation(np.unique(labels[labels > 0]))
    dropped, merged, split, shrunk = np.array_split(ids[: max(4, ids.size // 2)], 4)
    faulty[np.isin(faulty, dropped)] = 0
    for one, other in zip(merged[::2], merged[1::2], strict=False):
        faulty[faulty == one] = other
    for label in split:
        inside = np.argwhere(faulty == label)
        if inside.size:
            axis = rng.integers(labels.ndim)
            half = inside[inside[:, axis] > np.median(inside[:, axis])]
            faulty[tuple(half.T)] = faulty.max() + 1
    for label in shrunk:
        inside = faulty == label
        faulty[inside & ~ndi.binary_erosion(inside)] = 0
    grown = ndi.grey_dilation(faulty, footprint=ndi.generate_binary_structure(labels.ndim, 1))
    return np.where((faulty == 0) & (rng.random() < 0.5), grown, faulty)


def classical(raw: Volume, sigma: float) -> Volume:
    """Segment raw data without learning: Otsu's threshold, and a watershed of the distance transform."""
    smooth = gaussian(raw.astype(float), sigma)
    foreground = smooth > threshold_otsu(smooth)
    distance = ndi.distance_transform_edt(foreground)
    peaks = peak_local_max(gaussian(distance, sigma), footprint=ball(4), labels=foreground.astype(int))
    seeds = np.zeros(raw.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return watershed(-distance, seeds, mask=foreground)


def real_pairs(data: Path) -> Iterator[Pair]:
    """Each real ground truth against a classical segmentation of its raw data, and two against faulty copies."""
    for seed, name in enumerate(
        ("mouse_embryo/train/{}/16_cell_stage", "mouse_embryo/test/{}/8_cell_stage", "arabidopsis_ovule/train/{}/1135")
    ):
        truth = tifffile.imread(data / f"{name.format('masks')}.tif").astype(np.int64)
        raw = tifffile.imread(data / f"{name.format('images')}.tif")
        yield f"{name.format('masks')}, classical", truth, classical(raw, sigma=2)
        if seed != 1:
            yield f"{name.format('masks')}, faults", truth, with_faults(truth, np.random.default_rng(seed))


def check_distance(table: metrics.Overlaps, threshold: float) -> None:
    """Refuse a pair with an IoU that the shifted threshold, or float32, might decide otherwise."""
    near = (table.iou > threshold) & (table.iou < threshold + 2 * GAP)
    if near.any():
        raise SystemExit(f"an IoU of {table.iou[near]} is too near to the threshold {threshold} to compare")


def seg(truth: Volume, predicted: Volume) -> float:
    """SEG of the Cell Tracking Challenge, one nucleus after the other."""
    values = []
    for label in np.unique(truth[truth > 0]):
        nucleus = truth == label
        value = 0.0
        for other in np.unique(predicted[nucleus]):
            instance = predicted == other
            if other and (nucleus & instance).sum() > 0.5 * nucleus.sum():
                value = (nucleus & instance).sum() / (nucleus | instance).sum()
        values.append(value)
    return float(np.mean(values))


def renamed(labels: Volume, seed: int) -> Volume:
    """Give every instance another name, anywhere up to 2**64 - 1."""
    ids, index = np.unique(labels, return_inverse=True)
    names = np.random.default_rng(seed).integers(2**53, 2**64, ids.size, dtype=np.uint64)
    names[-1] = 2**64 - 1
    names[ids == 0] = 0
    return names[index].reshape(labels.shape)


def differences(truth: Volume, predicted: Volume) -> Iterator[tuple[str, float]]:
    """Yield the name of a metric and by how much the two programs differ, for all metrics and thresholds.

    The mean IoU of matched pairs is compared at 0.5 alone: below, StarDist's assignment also weighs pairs that
    may not match, and so can choose others among as many.
    """
    table = metrics.overlaps(truth, predicted)
    scores = metrics.score(truth, predicted)
    shifted = [threshold + GAP for threshold in metrics.THRESHOLDS]
    from stardist.matching import matching as stardist_matching

    for threshold, theirs in zip(metrics.THRESHOLDS, stardist_matching(truth, predicted, shifted), strict=True):
        check_distance(table, threshold)
        for own, other in THEIRS.items():
            yield own, abs(scores[f"{PATHS[threshold]}.{own}"] - getattr(theirs, other))
        if threshold == 0.5:
            yield "mean matched IoU", abs(scores["quality.mean_matched_iou"] - float(theirs.mean_matched_score))
            yield "mean true IoU", abs(scores["quality.mean_true_iou"] - float(theirs.mean_true_score))
            yield "PQ", abs(scores["quality.PQ"] - float(theirs.panoptic_quality))
    yield "SEG, by its definition", abs(scores["quality.SEG"] - seg(truth, predicted))
    shared = contingency_table(truth, predicted).tocsr()[table.truth, table.predicted]
    yield "shared voxels, scikit-image", abs(np.asarray(shared).ravel() - table.shared).max(initial=0)
    yield "under other names, of 64 bits", float(metrics.score(renamed(truth, 0), renamed(predicted, 1)) != scores)


def compare(pairs: Iterable[Pair], verbose: bool) -> dict[str, float]:
    """Return the largest difference of each metric over all pairs, and print what was compared."""
    largest: dict[str, float] = {}
    number, matched = 0, dict.fromkeys(metrics.THRESHOLDS, 0)
    for name, truth, predicted in pairs:
        for metric, difference in differences(truth, predicted):
            largest[metric] = max(largest.get(metric, 0.0), float(difference))
        scores = metrics.score(truth, predicted)
        for threshold, path in PATHS.items():
            matched[threshold] += scores[f"{path}.TP"]
        number += 1
        if verbose:
            tp, fp, fn = (scores[f"{PATHS[0.5]}.{count}"] for count in ("TP", "FP", "FN"))
            print(f"  {name}: {tp + fn} and {tp + fp} instances, avAP {scores['confusion_matrix.avAP']:.3f}")
    print(f"  {number} pairs; matched in all, by threshold: {matched}")
    for metric, difference in largest.items():
        print(f"  {metric:30} largest difference {difference:.3g}")
    return largest


def main() -> int:
    """Compare both kinds of pairs; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real volumes")
    data = parser.parse_args().data
    print("random volumes")
    of_random = compare(random_pairs(RANDOM_PAIRS), verbose=False)
    print("real volumes")
    of_real = compare(real_pairs(data), verbose=True)
    equal = all(
        difference <= (TOLERANCE_OF_IOU if metric in OF_IOU else TOLERANCE)
        for metric, difference in (*of_random.items(), *of_real.items())
    )
    print("equal" if equal else f"DIFFERENT: more than {TOLERANCE} ({TOLERANCE_OF_IOU} for means of the IoU and PQ)")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
