"""StarDist-3D as it is measured: trained shortly, applied to a volume, and its scores; run in its own environment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from baselines.stardist.model import THRESHOLDS, augment, load_model, new_model, read

from bench.measure import Figures, stopwatch

STEPS_PER_EPOCH = 100


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

    model = load_model(folder)
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
