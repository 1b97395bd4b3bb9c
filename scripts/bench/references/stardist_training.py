"""StarDist-3D trained for some minutes, with its weights kept on the way; runs in its own environment."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.measure import Figures
from bench.references import stardist

MOST_EPOCHS = 10_000


def train(
    volumes: Sequence[str], held_out: Sequence[str], folder: str, marks: Sequence[float], began: float
) -> Figures:
    """Train for as many seconds as the last mark says, and keep the weights at each mark.

    The clock starts at `began` (`time.time`), when this process was started, and stands while validation patches are
    scored and weights are written. Anisotropy and grid as in StarDist's example. Patches as
    large as ours, which makes more steps than the example's (48, 96, 96): the largest of at most (32, 64, 64) that fits
    into every volume and that the network can halve.
    """
    data, validation = ([stardist.read(file) for file in files] for files in (volumes, held_out))
    anisotropy, grid = stardist.shape_of([labels for _, labels in data])
    smallest = np.min([image.shape for image, _ in (*data, *validation)], axis=0)
    step = 4 * np.array(grid)
    patch = (np.minimum((32, 64, 64), smallest) // step * step).tolist()
    model = stardist.new_model(folder, grid, anisotropy, train_patch_size=tuple(patch))
    model.prepare_for_training()
    clock = _clock(model, marks, began)
    model.callbacks.append(clock)
    split = [[each[i] for each in data] for i in (0, 1)]
    check = tuple([each[i] for each in validation] for i in (0, 1))
    model.train(*split, check, augmenter=stardist.augment, epochs=MOST_EPOCHS, steps_per_epoch=stardist.STEPS_PER_EPOCH)
    return {"kept": clock.kept, "patch": patch, "grid": list(grid), "anisotropy": list(anisotropy)}


def segment_with(folder: str, weights: str, held_out: Sequence[str], volumes: Sequence[str], out: str) -> Figures:
    """Choose the thresholds for some weights on the validation volumes, and segment others: OUT/<name>.npy."""
    from stardist.models import StarDist3D

    place = Path(folder)
    model = StarDist3D(None, name=place.name, basedir=str(place.parent))
    model.keras_model.load_weights(weights)
    chosen = _thresholds(model, [stardist.read(file) for file in held_out])
    Path(out).mkdir(parents=True, exist_ok=True)
    for file in volumes:
        image, _ = stardist.read(file)
        labels, _ = model.predict_instances(image, prob_thresh=chosen["prob"], nms_thresh=chosen["nms"])
        np.save(Path(out) / f"{Path(file).stem}.npy", labels)
    return chosen


def _thresholds(model: Any, validation: Sequence[tuple[np.ndarray, np.ndarray]]) -> Figures:
    """Choose the thresholds with the highest avAP: of probability, then of overlap at that.

    As StarDist's own search, but for the measure that counts here, and with a grid, which takes a third of the time.
    """
    from stardist.matching import matching_dataset

    truths, outputs = [labels for _, labels in validation], [model.predict(image) for image, _ in validation]

    def value(prob: float, nms: float) -> float:
        found = [
            model._instances_from_prediction(labels.shape, *output, prob_thresh=prob, nms_thresh=nms)[0]
            for labels, output in zip(truths, outputs, strict=True)
        ]
        scores = matching_dataset(truths, found, thresh=stardist.THRESHOLDS, by_image=True, show_progress=False)
        return float(np.mean([each.accuracy for each in scores]))

    best = max((round(float(prob), 2) for prob in np.arange(0.2, 0.85, 0.1)), key=lambda prob: value(prob, 0.4))
    overlap = max((0.3, 0.4, 0.5), key=lambda nms: value(best, nms))
    return {"prob": best, "nms": overlap}


def _clock(model: Any, marks: Sequence[float], began: float) -> Any:
    from csbdeep.utils.tf import keras_import

    class Clock(keras_import("callbacks", "Callback")):
        """Keeps weights at the marks, and ends the training at the last."""

        def __init__(self) -> None:
            super().__init__()
            self.left, self.kept, self.paused, self._since = sorted(marks), [], 0.0, 0.0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            now = time.time()
            seconds = now - began - self.paused
            if not self.left or seconds < self.left[0]:
                return
            self.left = [mark for mark in self.left if mark > seconds]
            file = str(Path(model.logdir) / f"at_{seconds:.0f}.weights.h5")
            model.keras_model.save_weights(file)
            self.kept.append([seconds, file])
            self.model.stop_training = not self.left
            self.paused += time.time() - now

        def on_test_begin(self, logs: Any = None) -> None:
            self._since = time.time()

        def on_test_end(self, logs: Any = None) -> None:
            self.paused += time.time() - self._since

    return Clock()
