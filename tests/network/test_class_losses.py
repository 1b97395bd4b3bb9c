import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.methods import METHODS
from auxcpvloss.methods.method import UNKNOWN
from auxcpvloss.network import losses
from auxcpvloss.network.class_losses import ClassLoss
from tests.conftest import configure
from tests.network.test_losses import patches, seeds

BALANCES = st.sampled_from(["patch", "data", "none"])
KINDS = ["cross_entropy", "focal", "dice", "cross_entropy+dice"]
DATA = [0.9, 0.07, 0.03]
"""Fractions in the training volumes."""


def by_voxels(loss, probabilities, classes):
    """Cross entropy of voxels: their probabilities (V, K) and their class (V,); a sum, by a loop."""
    total, number = 0.0, probabilities.shape[1]
    for p, of in zip(probabilities, classes, strict=True):
        fraction = {"patch": (classes == of).mean(), "data": loss.fractions and loss.fractions[of]}.get(loss.balance)
        weight = 1 if loss.balance == "none" else 1 / (number * min(max(fraction, 0.05), 0.95))
        weight = loss.weights[int(of)] if loss.weights else weight
        total += weight * -np.log(p[of]) * ((1 - p[of]) ** loss.gamma if loss.kind == "focal" else 1)
    return total


def dice(probabilities, is_true):
    return 1 - (2 * (probabilities * is_true).sum() + 1) / (probabilities.sum() + is_true.sum() + 1)


def expected(loss, cross_entropy, dice):
    return (0 if loss.kind == "dice" else cross_entropy) + (dice if "dice" in loss.kind else 0)


def softmax(logits):
    e = np.exp(logits.astype(float))
    return e / e.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("kind", KINDS)
@given(seeds, BALANCES, st.sampled_from([0.0, 0.5, 2.0]), st.sampled_from([(), (1, 1, 5), (0, 0.5, 2)]))
def test_the_loss_of_classes_equals_a_loop_over_voxels(kind, seed, balance, gamma, weights):
    rng, region, prediction = patches(seed, 3)
    target = rng.choice([0, 1, 2], size=region.shape, p=[0.9, 0.08, 0.02]).astype(np.float32)
    loss, values = ClassLoss(kind, balance, gamma, DATA, weights), []
    for patch in range(2):
        known = region[patch, ..., 0] != losses.OUTSIDE
        p, classes = softmax(prediction[patch][known]), target[patch, ..., 0][known].astype(int)
        overlap = np.mean([dice(p[:, c], classes == c) for c in (1, 2)])
        values.append(expected(loss, by_voxels(loss, p, classes) / max(len(p), 1), overlap))
    np.testing.assert_allclose(loss.softmax(target, prediction, region), values, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@given(seeds, BALANCES, st.sampled_from([0.0, 0.5, 2.0]))
def test_the_loss_of_channels_equals_a_loop_over_voxels(kind, seed, balance, gamma):
    rng, region, prediction = patches(seed, 3)
    target = (rng.random(prediction.shape) < [0.5, 0.02, 0]).astype(np.float32)
    target[rng.random(target.shape) < [0.3, 0.1, 0]] = UNKNOWN
    loss, values = ClassLoss(kind, balance, gamma, DATA), []
    for patch in range(2):
        total, counted, overlaps = 0.0, 0, []
        for channel in range(3):
            known = (region[patch, ..., 0] != losses.OUTSIDE) & (target[patch, ..., channel] != UNKNOWN)
            positive = 1 / (1 + np.exp(-prediction[patch, ..., channel][known].astype(float)))
            classes = target[patch, ..., channel][known].astype(int)
            of_channel = ClassLoss(kind, balance, gamma, [1 - DATA[channel], DATA[channel]])
            total += by_voxels(of_channel, np.stack([1 - positive, positive], axis=-1), classes)
            counted += known.sum()
            overlaps.append(dice(positive, classes))
        values.append(expected(loss, total / max(counted, 1), np.mean(overlaps)))
    np.testing.assert_allclose(loss.sigmoid(target, prediction, region), values, rtol=1e-4, atol=1e-6)


def test_classes_outside_of_nuclei_are_weighed_by_their_own_key():
    (head,) = METHODS["threeclass_outer"].heads
    _, region, prediction = patches(0, 3)
    target = np.random.default_rng(1).integers(0, 3, region.shape).astype(np.float32)
    for keys, expected in [
        ({}, ClassLoss(weights=(1, 1, 5))),
        ({"loss_outer_weights": [2, 0, 3]}, ClassLoss(weights=(2, 0, 3))),
        ({"loss_outer_weights": []}, ClassLoss(balance="patch")),
    ]:
        found = losses.loss_of(head, configure(model={"method": "threeclass_outer", **keys}))
        np.testing.assert_array_equal(*(each(target, prediction, region) for each in (found, expected.softmax)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["threeclass", "affinities"])
def test_sure_predictions_have_finite_gradients(method, kind):
    """Right ones and wrong ones, where probabilities round to 0 and 1."""
    config = configure(model={"method": method}, training={"class_loss": kind, "focal_gamma": 0.5})
    for head in METHODS[method].heads:
        target = np.zeros((1, 2, 2, 2, 1 if head.loss == "softmax" else head.channels), np.float32)
        for sign in (-1, 1):
            start = np.full((1, 2, 2, 2, head.channels), sign * 200, np.float32)
            start[..., 0] = -start[..., 0]
            slope = gradient(losses.loss_of(head, config), target, start)
            assert np.isfinite(slope).all()


def gradient(loss, target, start):
    """By the backend that the network trains with."""
    import keras

    region = np.full((*start.shape[:-1], 1), losses.BACKGROUND, np.float32)
    variable = keras.Variable(start)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value = loss(target, variable.value, region)[0]
        return np.asarray(tape.gradient(value, variable.value))
    if backend == "jax":
        import jax

        return np.asarray(jax.grad(lambda p: loss(target, p, region)[0])(variable.value))
    loss(target, variable.value, region)[0].backward()
    return variable.value.grad.numpy()
