"""Batch normalisation holds state beside the weights: averages that prediction uses."""

import keras
import numpy as np
import pytest

from auxcpvloss.methods import METHODS
from auxcpvloss.network.batch import Batch
from auxcpvloss.network.compiled import prediction_network
from auxcpvloss.network.trainer import Trainer
from tests.conftest import configure
from tests.network.small import state, train

METHOD = METHODS["threeclass_cpv"]
SMALL = {"train_input_shape": [28, 28, 28], "test_input_shape": [28, 28, 28], "num_fmaps": 4, "downsample_factors": [[2, 2, 2]], "fmap_inc_factors": [2], "fmap_dec_factors": [2], "num_repetitions": 1}  # fmt: skip


def config(normalization):
    return configure(model=SMALL | {"normalization": normalization})


def trained_on(trainer, numbers):
    for number in numbers:
        rng = np.random.default_rng(number)
        raw = rng.random((1, 1, 28, 28, 28), dtype=np.float32)
        region = np.full((1, 1, 20, 20, 20), 2, np.uint8)
        targets = {"threeclass": rng.integers(0, 3, region.shape), "cpv": rng.normal(size=(1, 3, 20, 20, 20))}
        train(trainer, number + 1, Batch(raw, targets, region))
    return trainer


def test_a_training_that_goes_on_equals_one_that_was_not_disturbed(tmp_path):
    whole = trained_on(Trainer(config("batch"), METHOD), range(2))
    whole.save(tmp_path / "2.keras")
    trained_on(whole, range(2, 4))
    resumed = Trainer(config("batch"), METHOD)
    resumed.load(tmp_path / "2.keras")
    trained_on(resumed, range(2, 4))
    for one, other in zip(state(whole), state(resumed), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("normalization", ["none", "group", "batch"])
def test_a_checkpoint_serves_a_network_of_another_input_shape(tmp_path, normalization):
    """The middle of a larger input gives what the input alone does: all state was handed over."""
    trained = trained_on(Trainer(config(normalization), METHOD), range(3))
    trained.save(tmp_path / "3.keras")
    raw = np.random.default_rng(9).random((1, 1, 36, 28, 28), dtype=np.float32)
    large = prediction_network(config(normalization), METHOD, (36, 28, 28), tmp_path / "3.keras")(raw)["cpv"]
    region = np.full((1, 1, 20, 20, 20), 2, np.uint8)
    small = trained.predict(Batch(raw[:, :, 4:32], {}, region))["cpv"]
    # Statistics of each tile make a prediction depend on the tile, which is why mknet warns of it.
    assert (np.abs(large[:, :, 4:24] - small).max() < 1e-4) == (normalization != "group")
    averages = [v for v in trained.network.non_trainable_variables if "moving" in v.path]
    assert len(averages) == (2 * 3 if normalization == "batch" else 0)
    assert all(not np.allclose(v.numpy(), 0 if "mean" in v.path else 1) for v in averages)


@pytest.fixture(autouse=True)
def _forget():
    yield
    keras.backend.clear_session()
