import keras
import numpy as np
import pytest

from auxcpvloss.methods import method_of
from auxcpvloss.network.checkpoint import load_checkpoint
from auxcpvloss.network.compiled import new_network
from tests.conftest import merge
from tests.network.small import batch, skip_without_bfloat16, small, state, train, trainer

PLATEAU = {"lr_schedule": "plateau", "plateau_patience": 3, "plateau_factor": 0.5}
MOMENTUM = {"optimizer": "SGD", "lr": 1e-2, "options": {"momentum": 0.9}, "clip_norm": 0.1, **PLATEAU}
# TensorFlow pools float16 on a GPU only.
HALF = {"model": {"downsample_factors": [], "fmap_inc_factors": [], "fmap_dec_factors": []}}
HALF["training"] = {"precision": "mixed_float16"}

# Two levels on the way up.
DEEP = {
    "model": {"downsample_factors": [[2, 2, 2]] * 2, "fmap_inc_factors": [2] * 2, "fmap_dec_factors": [2] * 2},
    "training": {"deep_supervision": True},
}


def run(training, first, last):
    return [train(training, iteration, batch(iteration))["loss"] for iteration in range(first + 1, last + 1)]


@pytest.mark.parametrize(
    ("change", "frozen"),
    [
        ({"optimizer": MOMENTUM, "training": {"precision": "mixed_bfloat16"}}, ()),
        (
            {"init": {"freeze_iterations": 5}, "optimizer": {"lr_schedule": "cosine", "clip_value": 0.01}},
            ("down_0_conv_0", "up_0_conv_0"),
        ),
        ({**HALF, "optimizer": PLATEAU}, ()),
        ({**DEEP, "optimizer": {"accumulate": 4, "average": 0.5}}, ()),
    ],
    ids=[
        "SGD, plateau, clip_norm, bfloat16",
        "Adam, frozen, cosine, clip_value",
        "float16",
        "accumulating and averaged, at two levels",
    ],
)
def test_interrupted_anywhere_the_weights_end_the_same(change, frozen, tmp_path):
    """In the frozen phase, at its end, and after it; in the middle of an interval of the plateau, and at its end."""
    if "bfloat16" in str(change):
        skip_without_bfloat16()
    config = small(**merge(change, {"training": {"max_iterations": 8}}))
    whole, parts = trainer(config), trainer(config)
    for each in (whole, parts):
        each.freeze(0, frozen)
    run(whole, 0, 8)
    for first, last in ((0, 3), (3, 5), (5, 8)):
        if first:
            parts = trainer(config)
            parts.load(tmp_path / "checkpoint.keras")
            parts.freeze(first, frozen)
        run(parts, first, last)
        parts.save(tmp_path / "checkpoint.keras")
    for one, other in zip(state(whole), state(parts), strict=True):
        np.testing.assert_array_equal(one, other)


def test_frozen_layers_stay_and_are_trained_afterwards():
    training = trainer(small(init={"freeze_iterations": 2}))
    training.freeze(0, ["down_0_conv_0"])
    layers = {name: training.network.get_layer(name) for name in ("down_0_conv_0", "bottom_1_conv_0")}

    def moved(first, last):
        before = {name: layer.get_weights()[0] for name, layer in layers.items()}
        run(training, first, last)
        return {name: not np.array_equal(before[name], layer.get_weights()[0]) for name, layer in layers.items()}

    assert moved(0, 2) == {"down_0_conv_0": False, "bottom_1_conv_0": True}
    assert moved(2, 4) == {"down_0_conv_0": True, "bottom_1_conv_0": True}


def test_losses_on_other_batches_change_nothing():
    one, other = trainer(small()), trainer(small())
    run(one, 0, 2)
    run(other, 0, 1)
    assert set(other.losses(batch(9))) == {"loss", "threeclass_loss", "cpv_loss"}
    run(other, 1, 2)
    for a, b in zip(state(one), state(other), strict=True):
        np.testing.assert_array_equal(a, b)


def test_checkpoints_hold_the_average_that_losses_are_of_while_training_goes_on_with_the_weights(tmp_path):
    """Moving statistics of batch normalization are averaged like weights; frozen weights stay what they are."""
    change = {"model": {"normalization": "batch"}, "init": {"freeze_iterations": 3}}
    plain, averaged = trainer(small(**change)), trainer(small(**change, optimizer={"average": 0.25}))
    for each in (plain, averaged):
        each.freeze(0, ["down_0_conv_0"])
    expected = plain.network.get_weights()
    for iteration in range(1, 5):
        momentum = min(0.25, iteration / (9 + iteration))
        for training in (plain, averaged):
            train(training, iteration, batch(iteration))
        expected = [
            momentum * a + (1 - momentum) * w for a, w in zip(expected, plain.network.get_weights(), strict=True)
        ]
        if iteration in (2, 4):
            averaged.save(tmp_path / "checkpoint.keras")
        for here, there in zip(averaged.network.get_weights(), plain.network.get_weights(), strict=True):
            np.testing.assert_array_equal(here, there)
    losses, other = averaged.losses(batch(9)), plain.losses(batch(9))
    for here, there in zip(averaged.network.get_weights(), plain.network.get_weights(), strict=True):
        np.testing.assert_array_equal(here, there)
    network = new_network(small(**change), method_of(small(**change)))
    load_checkpoint(network, tmp_path / "checkpoint.keras")
    for here, there in zip(network.get_weights(), expected, strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-5, atol=1e-6)
    plain.network.set_weights(network.get_weights())
    assert losses == plain.losses(batch(9)) != other


def test_accumulated_gradients_change_the_weights_by_their_mean():
    def weights(*numbers, **optimizer):
        training = trainer(small(optimizer={"optimizer": "SGD", "lr": 0.5, **optimizer}))
        for iteration, number in enumerate(numbers, start=1):
            train(training, iteration, batch(number))
        return training.network.get_weights()

    one, other, both = weights(1), weights(2), weights(1, 2, accumulate=2)
    for a, b, c in zip(one, other, both, strict=True):
        np.testing.assert_allclose(c, (a + b) / 2, rtol=1e-5, atol=1e-6)
    for before, after in zip(weights(), weights(1, accumulate=2), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precisions_train(precision):
    """float16 is for GPUs, and refused elsewhere, but a processor can do it, slowly."""
    if precision == "mixed_bfloat16":
        skip_without_bfloat16()
    half = HALF if precision == "mixed_float16" else {}
    training = trainer(small(**merge(half, {"training": {"precision": precision}, "optimizer": {"lr": 1e-2}})))
    layer = next(layer for layer in training.network.layers if layer.weights)
    assert (layer.compute_dtype, layer.variable_dtype) == (precision.removeprefix("mixed_"), "float32")
    assert {str(output.dtype) for output in training.predict(batch(0)).values()} == {"float32"}
    losses = [train(training, iteration, batch(0))["loss"] for iteration in range(1, 40)]
    assert losses[-1] < losses[0]
    scaled = isinstance(training.network.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (precision == "mixed_float16")
