"""Losses at coarser levels, in training."""

import keras
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from auxcpvloss.methods import method_of
from auxcpvloss.network.compiled import prediction_network
from auxcpvloss.network.deep_supervision import _boxes, coarse_levels
from auxcpvloss.network.shapes import AxisGeometry
from auxcpvloss.system.errors import InputError
from tests.conftest import merge
from tests.network.small import batch, small, train, trainer

TWO = {"downsample_factors": [[2, 2, 2]] * 2, "fmap_inc_factors": [2] * 2, "fmap_dec_factors": [2] * 2}
DEEP = {"model": TWO, "training": {"deep_supervision": True}}


@given(
    factors=st.lists(st.integers(1, 4), min_size=2, max_size=3),
    kernel=st.sampled_from([1, 3, 5]),
    repetitions=st.integers(1, 2),
    valid=st.booleans(),
    size=st.integers(8, 200),
)
def test_targets_are_the_voxels_in_the_middle(factors, kernel, repetitions, valid, size):
    """Of those that a voxel of the level is resized to; none within the targets is missing."""
    axis = AxisGeometry(tuple(factors), kernel, repetitions, valid)
    assume(axis.output_size(size))
    steps, lost = axis.steps(size), axis.reach if valid else 0
    for level in range(1, len(factors)):
        # Resize, and take the border away, as the network does: which voxel of the level each of the output is in.
        of_level = np.arange(steps[2 * (2 * len(factors) - level) + 1])
        over = of_level
        for factor in reversed(factors[:level]):
            over = np.repeat(over, factor)
            over = over[lost : len(over) - lost]
        assert len(over) == axis.output_size(size)
        outputs, targets = _boxes(axis, size, level)
        taken = np.arange(len(over))[targets]
        np.testing.assert_array_equal(over[taken], of_level[outputs])
        width = int(np.prod(factors[:level]))
        whole = [each for each in np.unique(over) if (over == each).sum() == width]
        assert set(whole) <= set(over[taken])
        for each in whole:
            assert np.flatnonzero(over == each)[width // 2] in taken


@pytest.mark.parametrize("architecture", ["unet", "residual_unet"])
def test_losses_at_coarser_levels_train_what_prediction_does_without(architecture, tmp_path):
    config = small(**merge(DEEP, {"model": {"architecture": architecture}}))
    training, given = trainer(config), batch(0)
    network = training.network
    assert set(network.output) == {"threeclass", "cpv", "threeclass_level_1", "cpv_level_1"}
    (level,) = coarse_levels(config.model)
    outputs = {name: keras.ops.convert_to_tensor(each) for name, each in network(np.moveaxis(given.raw, 1, -1)).items()}
    parts = {}
    for head, loss in training._losses.items():
        target = np.moveaxis(given.targets[head], 1, -1).astype(np.float32)[:, 1::2, 1::2, 1::2]
        region = np.full((1, 4, 4, 4, 1), 2, np.float32)
        parts[head] = float(loss(target, outputs[level.name(head)], region)[0]) * config.coefficient(head)
    plain = training.losses(given)
    before = [each.copy() for each in network.get_layer("heads_level_1").get_weights()]
    losses = train(training, 1, given)
    assert losses["deep_loss"] == pytest.approx(0.5 * sum(parts.values()), rel=1e-4)
    assert losses["loss"] == pytest.approx(plain["loss"] + losses["deep_loss"], rel=1e-4)
    assert "deep_loss" not in plain
    assert all((a != b).any() for a, b in zip(before, network.get_layer("heads_level_1").get_weights(), strict=True))
    assert set(training.predict(given)) == {"threeclass", "cpv"}
    # With the same weights a network without these outputs predicts the same.
    plain_config = small(model={**TWO, "architecture": architecture})
    without = trainer(plain_config)
    for layer in without.network.layers:
        layer.set_weights(network.get_layer(layer.name).get_weights())
    predictions = []
    for number, (each, of) in enumerate(((training, config), (without, plain_config))):
        each.save(tmp_path / f"{number}.keras")
        predict = prediction_network(of, method_of(of), (26, 26, 26), tmp_path / f"{number}.keras")
        predictions.append(predict(np.random.default_rng(0).random((1, 1, 26, 26, 26)).astype(np.float32)))
    assert set(predictions[0]) == {"threeclass", "cpv"}
    for head, prediction in predictions[0].items():
        np.testing.assert_array_equal(prediction, predictions[1][head])


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({}, "needs a network of at least two entries in model.downsample_factors"),
        (
            {
                **TWO,
                "padding": "valid",
                "num_repetitions": 2,
                "train_input_shape": [44] * 3,
                "test_input_shape": [44] * 3,
            },
            "",
        ),
    ],
)
def test_networks_that_have_coarser_levels(model, expected):
    if expected:
        with pytest.raises(InputError, match=rf"training\.deep_supervision: {expected}"):
            small(model=model, training={"deep_supervision": True})
    else:
        (level,) = coarse_levels(small(model=model, training={"deep_supervision": True}).model)
        assert level.outputs[0].stop - level.outputs[0].start == 2
