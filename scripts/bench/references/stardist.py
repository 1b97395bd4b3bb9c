"""StarDist-3D, as its users train and run it; these functions run in its own environment.

Volumes come as .npz files with an image and labels, and results go to .npy files.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.measure import Figures, stopwatch

STEPS_PER_EPOCH = 100
# Ours counts a pair if IoU > t, StarDist if IoU >= t.
THRESHOLDS = tuple(0.1 * tenths + 1e-6 for tenths in range(1, 10))
RANDOM = np.random.default_rng(1)


def read(file: str) -> tuple[np.ndarray, np.ndarray]:
    """Give the image, with percentiles 1 and 99.8 mapped to 0 and 1, and the labels of a volume."""
    from csbdeep.utils import normalize

    with np.load(file) as arrays:
        image, labels = (arrays[name] for name in arrays.files)
    return normalize(image, 1, 99.8), labels.astype(np.int32)


def augment(image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flip and turn in the plane and change intensities, as in StarDist's example for 3D."""
    turns, flips = RANDOM.integers(4), RANDOM.integers(2, size=3)
    axes = tuple(np.flatnonzero(flips))
    if image.shape[1] != image.shape[2]:
        turns -= turns % 2
    image, labels = (np.flip(np.rot90(each, turns, axes=(1, 2)), axes) for each in (image, labels))
    return image * RANDOM.uniform(0.6, 2) + RANDOM.uniform(-0.2, 0.2), labels


def new_model(folder: str, grid: Sequence[int], anisotropy: Sequence[float] | None = None, **config: Any) -> Any:
    """Make a StarDist-3D network with the defaults: a U-Net of depth 2 with 32 maps, 96 rays."""
    from stardist.models import Config3D, StarDist3D
    from stardist.rays3d import Rays_GoldenSpiral

    rays = Rays_GoldenSpiral(96, anisotropy=anisotropy)
    options = {"n_channel_in": 1, "train_tensorboard": False, "use_gpu": False, **config}
    made = Config3D(rays=rays, grid=tuple(grid), anisotropy=anisotropy, **options)
    return StarDist3D(made, name=Path(folder).name, basedir=str(Path(folder).parent))


def shape_of(labelled: Sequence[np.ndarray]) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Choose anisotropy and grid as in StarDist's example: from the median extents of the nuclei."""
    from stardist import calculate_extents

    extents = calculate_extents(list(labelled))
    anisotropy = tuple((np.max(extents) / extents).tolist())
    return anisotropy, tuple(1 if each > 1.5 else 2 for each in anisotropy)


def train_steps(training: str, validation: str, folder: str, steps: int, grid: Sequence[int]) -> Figures:
    """Train a network for so many steps, and choose its threshold so that it finds the true number of nuclei."""
    patch = {"train_patch_size": (32, 48, 48), "train_batch_size": 1, "train_learning_rate": 1e-3}
    model = new_model(folder, grid, **patch)
    data, held_out = read(training), read(validation)
    options = {"epochs": max(1, steps // STEPS_PER_EPOCH), "steps_per_epoch": min(steps, STEPS_PER_EPOCH)}
    with stopwatch() as figures:
        model.train([data[0]], [data[1]], ([held_out[0]], [held_out[1]]), augmenter=augment, seed=1, **options)
    model.load_weights("weights_last.h5")
    image, truth = held_out
    count = 0
    # From few candidates to many, since these take long to suppress.
    for prob in np.arange(0.9, 0.05, -0.1):
        before, count = count, model.predict_instances(image, prob_thresh=prob, nms_thresh=0.4)[0].max()
        if count >= len(np.unique(truth)) - 1 or count < before:
            break
    Path(folder, "thresholds.json").write_text(json.dumps({"prob": float(prob), "nms": 0.4}), encoding="utf-8")
    return figures


def predict_instances(folder: str, volume: str, n_tiles: Sequence[int], out: str = "") -> Figures:
    """Find the instances of a volume, network and weights in memory before."""
    from csbdeep.utils import normalize
    from stardist.models import StarDist3D

    model = StarDist3D(None, name=Path(folder).name, basedir=str(Path(folder).parent))
    with np.load(volume) as arrays:
        image = arrays[arrays.files[0]]
    model.predict_instances(normalize(image[:48, 16:64, 64:112], 1, 99.8))
    with stopwatch() as figures:
        labels, _ = model.predict_instances(normalize(image, 1, 99.8), n_tiles=tuple(n_tiles), show_tile_progress=False)
    if out:
        np.save(out, labels)
    return {**figures, "instances": int(labels.max())}


def matching(volume: str, found: str, small: int) -> Figures:
    """Score a result at nine thresholds."""
    from stardist.matching import matching as match

    with np.load(volume) as arrays:
        truth = arrays[arrays.files[1]]
    labels = np.load(found)
    match(truth[:small], labels[:small], [0.5])
    with stopwatch() as figures:
        scores = match(truth, labels, THRESHOLDS)
    return {**figures, "av_ap": float(np.mean([each.accuracy for each in scores]))}
