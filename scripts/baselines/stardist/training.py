"""StarDist-3D trained for some minutes or steps, and applied; these functions run in its own environment."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench.measure import Figures

from baselines.stardist import model as stardist

MOST_EPOCHS, STEPS_PER_EPOCH = 10_000, 100
LARGEST_PATCH = (32, 64, 64)
DEFAULT = {"prob": 0.5, "nms": 0.4}
"""Thresholds of StarDist, which are kept where nothing can be found by any."""


def train(
    volumes: Sequence[str],
    held_out: Sequence[str],
    folder: str,
    began: float,
    marks: Sequence[float] = (),
    steps: int = 0,
    grid: Sequence[int] = (),
    seed: int = 1,
) -> Figures:
    """Train for as many seconds as the last mark says, or for so many steps, and keep the weights at each mark.

    The clock starts at `began` (`time.time`), when this process was started, and stands while validation patches are
    scored and weights are written. Anisotropy, and the grid if none is given, as in StarDist's example. Patches as
    large as ours, which makes more steps than the example's (48, 96, 96): the largest of at most (32, 64, 64) that fits
    into every volume and that the network can halve. At the end the weights with the best loss on the validation
    volumes are loaded, as StarDist does.
    """
    from stardist import fill_label_holes

    stardist.seed(seed)
    data, validation = ([stardist.read(file) for file in files] for files in (volumes, held_out))
    data, validation = ([(image, fill_label_holes(labels)) for image, labels in each] for each in (data, validation))
    anisotropy = stardist.anisotropy_of([labels for _, labels in data])
    grid = tuple(grid) or stardist.grid_of(anisotropy)
    smallest = np.min([image.shape for image, _ in (*data, *validation)], axis=0)
    step = 4 * np.array(grid)
    patch = (np.minimum(LARGEST_PATCH, smallest) // step * step).tolist()
    model = stardist.new_model(folder, grid, anisotropy, train_patch_size=tuple(patch), train_batch_size=1)
    model.prepare_for_training()
    clock = _clock(model, marks, steps, began)
    model.callbacks.append(clock)
    split = [[each[i] for each in data] for i in (0, 1)]
    check = tuple([each[i] for each in validation] for i in (0, 1))
    options = {"epochs": MOST_EPOCHS, "steps_per_epoch": STEPS_PER_EPOCH, "seed": seed}
    model.train(*split, check, augmenter=stardist.augment, **options)
    return {
        "kept": clock.kept,
        "steps": clock.steps,
        "seconds": clock.seconds,
        "patch": patch,
        "grid": list(grid),
        "anisotropy": list(anisotropy),
    }


def segment_with(folder: str, held_out: Sequence[str], volumes: Sequence[str], out: str, weights: str = "") -> Figures:
    """Choose the thresholds on the validation volumes, and segment others: OUT/<name>.npy.

    The weights are those with the best loss on the validation volumes, unless others are named.
    """
    model = stardist.load_model(folder)
    if weights:
        model.keras_model.load_weights(weights)
    chosen = _thresholds(model, [stardist.read(file) for file in held_out])
    Path(out).mkdir(parents=True, exist_ok=True)
    for file in volumes:
        image, _ = stardist.read(file)
        labels, _ = model.predict_instances(image, prob_thresh=chosen["prob"], nms_thresh=chosen["nms"])
        np.save(Path(out) / f"{Path(file).stem}.npy", labels.astype(np.uint32))
    Path(folder, "chosen.json").write_text(json.dumps(chosen), encoding="utf-8")
    return chosen


def _thresholds(model: Any, validation: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """Choose the thresholds by StarDist's own search, for the measure that counts here: the mean AP of nine IoUs."""
    images, truths = ([each[i] for each in validation] for i in (0, 1))
    # Of a network that diverged the probabilities are no numbers.
    if not any(truth.any() for truth in truths) or not np.max([model.predict(image)[0].max() for image in images]) > 0:
        return DEFAULT
    found = model.optimize_thresholds(images, truths, iou_threshs=list(stardist.THRESHOLDS), save_to_json=False)
    return {name: float(found[name]) for name in DEFAULT}


def _clock(model: Any, marks: Sequence[float], steps: int, began: float) -> Any:
    from csbdeep.utils.tf import keras_import

    class Clock(keras_import("callbacks", "Callback")):
        """Keeps weights at the marks, and ends the training at the last, or after so many steps."""

        def __init__(self) -> None:
            super().__init__()
            self.left, self.kept, self.paused, self._since = sorted(marks), [], 0.0, 0.0
            self.steps, self.seconds = 0, 0.0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            now = time.time()
            self.steps += 1
            self.seconds = now - began - self.paused
            if self.left and self.seconds >= self.left[0]:
                self.left = [mark for mark in self.left if mark > self.seconds]
                file = str(Path(model.logdir) / f"at_{self.seconds:.0f}.weights.h5")
                model.keras_model.save_weights(file)
                self.kept.append([self.seconds, file])
                self.paused += time.time() - now
            self.model.stop_training = self.steps >= steps if steps else not self.left

        def on_test_begin(self, logs: Any = None) -> None:
            self._since = time.time()

        def on_test_end(self, logs: Any = None) -> None:
            self.paused += time.time() - self._since

    return Clock()
