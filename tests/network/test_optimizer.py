import math

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.network.optimizer import check_optimizer, known_optimizers, make_optimizer
from auxcpvloss.network.plateau import START, watch
from auxcpvloss.system.errors import InputError
from tests.network.small import batch, small, train, trainer


def make(**optimizer):
    return make_optimizer(small(optimizer=optimizer))


def refusal(**optimizer):
    with pytest.raises(InputError) as error:
        check_optimizer(small(optimizer=optimizer).optimizer)
    return str(error.value)


@pytest.mark.parametrize("name", known_optimizers())
def test_every_optimizer_of_keras_can_be_had(name):
    check_optimizer(small(optimizer={"optimizer": name.lower(), "lr": 0.5}).optimizer)
    optimizer = make(optimizer=name, lr=0.5)
    assert type(optimizer) is getattr(keras.optimizers, name)
    assert float(optimizer.learning_rate) == 0.5


def test_options_reach_the_optimizer():
    sgd = make(optimizer="sgd", options={"momentum": 1, "nesterov": True, "weight_decay": 0.25})
    assert (sgd.momentum, sgd.nesterov, sgd.weight_decay) == (1.0, True, 0.25)
    adam = make(optimizer="AdamW", beta1=0.5, options={"weight_decay": 0.5})
    assert (adam.beta_1, adam.beta_2, adam.epsilon, adam.weight_decay) == (0.5, 0.999, 1e-8, 0.5)
    assert make(optimizer="RMSprop", epsilon=0.25).epsilon == 0.25


def test_gradients_are_clipped():
    """SGD at rate 1 moves by the gradient: a numpy reference for each of the two ways."""

    def moves(**optimizer):
        network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
        sgd = make(optimizer="SGD", lr=1.0, **optimizer)
        sgd.build(network.trainable_variables)
        before = network.get_weights()[0]
        sgd.apply([keras.ops.convert_to_tensor([[3.0], [-4.0]])])
        return (before - network.get_weights()[0])[:, 0]

    np.testing.assert_allclose(moves(), [3, -4], rtol=1e-5)
    np.testing.assert_allclose(moves(clip_norm=1.0), [0.6, -0.8], rtol=1e-5)
    np.testing.assert_allclose(moves(clip_norm=10.0), [3, -4], rtol=1e-5)
    np.testing.assert_allclose(moves(clip_value=3.5), [3, -3.5], rtol=1e-5)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        ({"optimizer": "adamm"}, "optimizer.optimizer: Keras has no 'adamm'; did you mean 'Adam'? known: "),
        ({"optimizer": "LossScaleOptimizer"}, "Keras has no 'LossScaleOptimizer'"),
        ({"optimizer": "SGD", "options": {"momentun": 0.9}}, "optimizer.options.momentun: SGD has no such option; did you mean 'momentum'?"),
        ({"options": {"rubbish": 1}}, "optimizer.options.rubbish: Adam has no such option; it has: amsgrad, weight_decay"),
        ({"options": {"learning_rate": 0.1}}, "optimizer.options.learning_rate: set optimizer.lr instead"),
        ({"options": {"beta_1": 0.1}}, "optimizer.options.beta_1: set optimizer.beta1 instead"),
        ({"options": {"name": "x"}}, "optimizer.options.name: Adam has no such option"),
        ({"options": {"amsgrad": 1}}, "optimizer.options.amsgrad: must be true or false, not 1"),
        ({"optimizer": "SGD", "options": {"momentum": "much"}}, "optimizer.options.momentum: must be a number, not 'much'"),
        ({"optimizer": "SGD", "options": {"momentum": True}}, "optimizer.options.momentum: must be a number, not True"),
        ({"optimizer": "SGD", "options": {"nesterov": True, "momentum": 2}}, "optimizer.options.momentum: SGD does not accept this value: `momentum` must be"),
        ({"options": {"weight_decay": "x"}}, "optimizer.options.weight_decay: Adam does not accept this value"),
        ({"options": {"use_ema": True}}, "optimizer.options.use_ema: the averages replace the weights every ema_overwrite_frequency"),
        ({"clip_norm": 1.0, "options": {"clipnorm": 1.0}}, "optimizer.options.clipnorm: Adam does not accept this value: Only one of"),
        ({"average": 0.9, "options": {"use_ema": True, "ema_overwrite_frequency": 2}}, "optimizer.average: optimizer.options.use_ema is set, too"),
        ({"accumulate": 2, "options": {"gradient_accumulation_steps": 2}}, "optimizer.accumulate: optimizer.options.gradient_accumulation_steps is set, too"),
        ({"optimizer": "SGD", "beta1": 0.5}, "optimizer.beta1: SGD has no beta_1; remove the key"),
    ],
)  # fmt: skip
def test_what_an_optimizer_does_not_take_is_named(optimizer, expected):
    assert expected in refusal(**optimizer)


def test_the_cosine_falls_to_the_least_rate_at_the_end():
    optimizer = {"lr_schedule": "cosine", "lr": 0.5, "min_lr": 0.125}
    for options in ({}, {"accumulate": 4}, {"options": {"gradient_accumulation_steps": 4}}):
        made = make_optimizer(small(optimizer={**optimizer, **options}, training={"max_iterations": 8}))
        weight = keras.Variable(keras.ops.ones(1))
        made.build([weight])
        rates = [float(made.learning_rate)]
        for _ in range(8):
            made.apply([keras.ops.ones(1)])
            rates.append(float(made.learning_rate))
        np.testing.assert_allclose(rates, 0.125 + 0.375 * (1 + np.cos(np.pi * np.arange(9) / 8)) / 2, rtol=1e-6)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_rate_rises_over_the_first_iterations(schedule):
    optimizer = {"lr_schedule": schedule, "lr": 0.5, "min_lr": 0.125, "warmup": 4}
    made = make_optimizer(small(optimizer=optimizer, training={"max_iterations": 12}))
    rates = []
    for iteration in range(14):
        made.iterations.assign(iteration)
        rates.append(float(made.learning_rate))
    falling = 0.125 + 0.375 * (1 + np.cos(np.pi * np.minimum(np.arange(10), 8) / 8)) / 2
    after = falling if schedule == "cosine" else np.full(10, 0.5)
    np.testing.assert_allclose(rates, [0, 0.125, 0.25, 0.375, *after], rtol=1e-6)


def lr_by_definition(losses, patience, factor, least, rate):
    """The rule in words of the configuration, from the list of all losses."""
    means = [math.fsum(losses[i : i + patience]) / patience for i in range(0, len(losses) - patience + 1, patience)]
    for number in range(1, len(means)):
        if means[number] >= min(means[:number]):
            rate = max(least, rate * factor)
    return rate


@given(st.lists(st.integers(0, 8).map(float), max_size=30), st.integers(1, 5))
def test_the_rate_falls_when_an_interval_is_no_better_than_the_best(losses, patience):
    memory, rate = START, 1.0
    for loss in losses:
        memory, stuck = watch(memory, loss, patience)
        rate = max(2**-20, rate * 0.5) if stuck else rate
    assert rate == lr_by_definition(losses, patience, 0.5, 2**-20, 1.0)


def test_a_plateau_lowers_the_rate_of_a_training():
    """With a step of almost nothing the loss of one batch stays: every interval after the first is no better."""
    table = {"lr": 1e-30, "lr_schedule": "plateau", "plateau_patience": 2, "plateau_factor": 0.1, "min_lr": 5e-32}
    training = trainer(small(optimizer=table))
    rates = []
    for iteration in range(1, 9):
        train(training, iteration, batch(0))
        rates.append(float(training.network.optimizer.learning_rate))
    np.testing.assert_allclose(rates, [1e-30] * 3 + [1e-31] * 2 + [5e-32] * 3, rtol=1e-5)
