"""A network that trains in milliseconds, and batches for it."""

from typing import Any

import numpy as np
import pytest

from auxcpvloss.config import Config
from auxcpvloss.methods import method_of
from auxcpvloss.network.batch import Batch
from auxcpvloss.network.compiled import check_precision
from auxcpvloss.network.trainer import Trainer
from auxcpvloss.system.errors import InputError
from tests.conftest import SMALL, configure, merge


def small(**change: Any) -> Config:
    return configure(**merge({"model": SMALL}, change))


def trainer(config: Config, **arguments: Any) -> Trainer:
    return Trainer(config, method_of(config), **arguments)


def batch(number: int) -> Batch:
    rng = np.random.default_rng(number)
    shape = (1, 1, 8, 8, 8)
    targets = {"threeclass": rng.integers(0, 3, shape), "cpv": rng.normal(0, 3, (1, 3, 8, 8, 8))}
    return Batch(rng.random(shape).astype(np.float32), targets, np.full(shape, 2, np.uint8))


def train(trainer: Trainer, iteration: int, on: Batch) -> dict[str, float]:
    """Train on a batch, and wait for it."""
    return trainer.finish(trainer.step(iteration, trainer.ready(on)))


def skip_without_bfloat16() -> None:
    """Convolutions of some processors do not know it, nor do those that an instruction set was taken from."""
    try:
        check_precision("mixed_bfloat16")
    except InputError as error:
        pytest.skip(str(error))


def state(of: Trainer) -> list[np.ndarray]:
    """Weights, and all that the optimizer remembers."""
    return [np.asarray(v) for v in (*of.network.weights, *of.network.optimizer.variables)]
