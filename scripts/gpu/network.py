"""The program's own network: steps, predictions, their precision, and whether the same bits come out again."""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

MODELS: dict[str, dict[str, Any]] = {
    "140": {
        "num_fmaps": 10,
        "fmap_inc_factors": [4, 4],
        "fmap_dec_factors": [4, 4],
        "downsample_factors": [[2, 2, 2]] * 2,
    },
    "small": {"num_fmaps": 4, "fmap_inc_factors": [2], "fmap_dec_factors": [2], "downsample_factors": [[2, 2, 2]]},
}
INPUTS = {"140": (140, 220), "small": (28, 36)}
"""Voxels along an axis, in training and in prediction."""


def measure(library: str, size: str, precision: str, repeats: int) -> dict[str, Any]:
    """Train and predict random volumes in one precision."""
    from auxcpvloss.config import ConfigFile
    from auxcpvloss.experiment.configuration import load
    from auxcpvloss.methods import method_of
    from auxcpvloss.system.backends import choose_backend, gpus

    choose_backend(library, os.environ)
    train, test = INPUTS[size]
    shapes = {"train_input_shape": [train] * 3, "test_input_shape": [test] * 3}
    tables = {"general": {"backend": library}, "model": {"method": "threeclass_cpv", **MODELS[size], **shapes}}
    single = load([ConfigFile("gpu_check", {**tables, "training": {"precision": "float32"}})])
    config = load([ConfigFile("gpu_check", {**tables, "training": {"precision": precision}})])
    method = method_of(config)
    steps = _steps(config, method, repeats)
    trainer = steps.pop("trainer")
    with tempfile.TemporaryDirectory() as folder:
        trainer.save(Path(folder) / "1.keras")
        return {
            "gpus": gpus(),
            **steps,
            **_predictions(config, single, method, Path(folder) / "1.keras", repeats),
            "same_bits_again": _repeats(config, method),
        }


def _batch(config: Any, trainer: Any, number: int) -> Any:
    from auxcpvloss.network.batch import Batch

    rng = np.random.default_rng(number)
    z, y, x = trainer.network.output["cpv"].shape[1:4]
    raw = rng.random((1, 1, *config.model.train_input_shape), np.float32)
    targets = {"threeclass": rng.integers(0, 3, (1, 1, z, y, x)), "cpv": rng.normal(0, 3, (1, 3, z, y, x))}
    return trainer.ready(Batch(raw, targets, np.full((1, 1, z, y, x), 2, np.uint8)))


def _steps(config: Any, method: Any, repeats: int) -> dict[str, Any]:
    from auxcpvloss.network.trainer import Trainer

    trainer = Trainer(config, method)
    batch = _batch(config, trainer, 0)
    seconds = []
    for number in range(1, repeats + 2):
        began = perf_counter()
        trainer.finish(trainer.step(number, batch))
        seconds.append(perf_counter() - began)
    median = statistics.median(seconds[1:])
    operations = 3 * _operations(trainer.network)
    return {
        "trainer": trainer,
        "first_step_s": seconds[0],
        "step_ms": 1000 * median,
        "tflop_per_s": operations / median / 1e12,
    }


def _operations(network: Any) -> int:
    """Multiplications and additions of the convolutions, once through the network."""
    kernels = [layer for layer in network.layers if getattr(layer, "kernel", None) is not None]
    return sum(2 * int(np.prod(each.kernel.shape)) * int(np.prod(each.output.shape[1:4])) for each in kernels)


def _predictions(config: Any, single: Any, method: Any, checkpoint: Path, repeats: int) -> dict[str, Any]:
    from auxcpvloss.network.compiled import prediction_network

    shape = config.model.test_input_shape
    raw = np.random.default_rng(1).random((1, 1, *shape), np.float32)
    predict = prediction_network(config, method, shape, checkpoint)
    # The first call compiles.
    result, seconds = predict(raw), []
    for _ in range(repeats):
        began = perf_counter()
        predict(raw)
        seconds.append(perf_counter() - began)
    voxels = np.prod(result["threeclass"].shape[2:])
    speed = {"predicted_mvoxel_per_s": float(voxels / statistics.median(seconds) / 1e6)}
    if config == single:
        return speed
    precise = prediction_network(single, method, shape, checkpoint)(raw)
    classes, expected = result["threeclass"].argmax(axis=1), precise["threeclass"].argmax(axis=1)
    return {
        **speed,
        "same_class_as_float32": float((classes == expected).mean()),
        "largest_difference_of_vectors": float(np.abs(result["cpv"] - precise["cpv"]).max()),
    }


def _repeats(config: Any, method: Any) -> bool:
    """Whether two trainings of three steps end with the same bits."""
    from auxcpvloss.network.trainer import Trainer

    ends = []
    for _ in range(2):
        trainer = Trainer(config, method)
        for number in range(1, 4):
            trainer.finish(trainer.step(number, _batch(config, trainer, number)))
        ends.append(trainer.network.get_weights())
    return all(np.array_equal(one, other) for one, other in zip(*ends, strict=True))
