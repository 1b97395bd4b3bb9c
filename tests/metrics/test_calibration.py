import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auxcpvloss.metrics.calibration import calibrate, features
from auxcpvloss.metrics.reliability import expected_calibration_error, expected_gain, reliability

INSTANCES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def drawn(number: int, seed: int):
    """Instances of a volume, by confidence and size: those of 0.8 are right in half of the cases, large ones never."""
    rng = np.random.default_rng(seed)
    confidence, sizes = rng.uniform(0.3, 1, number), rng.choice([90, 100, 110, 300], number, p=[0.3, 0.3, 0.3, 0.1])
    return confidence, sizes, (rng.uniform(size=number) < confidence**3) & (sizes < 200)


def error(probability, right) -> float:
    return expected_calibration_error(reliability(probability, right))


@pytest.mark.parametrize(("number", "most"), [(250, 0.045), (30, 0.09)])
def test_what_is_learned_holds_for_other_volumes(number, most):
    errors = []
    for seed in range(6):
        volumes = [drawn(number, 10 * seed + place) for place in range(4)]
        learned = calibrate([features(*each[:2]) for each in volumes], [each[2] for each in volumes])
        confidence, sizes, right = drawn(2000, seed + 500)
        probability = learned(features(confidence, sizes))
        errors.append(error(probability, right))
        assert error(confidence, right) > 0.15
        assert probability[sizes == 300].mean() < 0.25
    assert np.mean(errors) < most


def test_few_instances_make_nobody_certain_and_many_decide():
    def learned(number):
        values = features(np.repeat([0.2, 0.9], number), np.full(2 * number, 100))
        return calibrate([values], [np.repeat([False, True], number)])(values[[0, -1]])

    low, high = learned(1)
    assert 0.3 < low < high < 0.7
    low, high = learned(500)
    assert low < 0.05
    assert high > 0.95


def test_beyond_what_was_seen_probabilities_go_on_falling():
    confidence, sizes, right = drawn(400, 7)
    sure = confidence > 0.7
    learned = calibrate([features(confidence[sure], sizes[sure])], [right[sure]])
    seen, beyond = learned(features(np.array([0.7, 0.3]), np.array([100, 100])))
    assert beyond < seen - 0.1


@settings(max_examples=25)
@given(st.lists(INSTANCES, min_size=1, max_size=3))
def test_probabilities_never_fall_with_the_score(volumes):
    pairs = [tuple(map(np.array, zip(*each, strict=True))) for each in volumes]
    learned = calibrate([features(each, np.full(len(each), 9)) for each, _ in pairs], [right for _, right in pairs])
    # Of one size the confidence is all that tells.
    probability = learned(features(np.linspace(0, 1, 50), np.full(50, 9)))
    steps = np.diff(probability) * np.sign(learned.weights[0] or 1)
    assert steps.min() >= -1e-12
    assert probability.min() >= 0
    assert probability.max() <= 1


@given(INSTANCES)
def test_the_error_against_a_loop(instances):
    probability, right = (np.array(each) for each in zip(*instances, strict=True))
    total = 0.0
    for low in range(10):
        inside = [i for i, p in enumerate(probability) if low <= p * 10 < low + 1 or (low == 9 and p == 1)]
        if inside:
            total += abs(sum(probability[inside]) - sum(right[inside]))
    assert error(probability, right) == pytest.approx(total / len(right))


def test_gain_is_that_of_the_counts_where_all_is_known():
    # Eight right, a wrong one that covers two nuclei, and a piece: TP 8, FP 2, FN 2.
    probability, sizes = np.array([1.0] * 8 + [0.0, 0.0]), np.array([100] * 8 + [200, 30])
    gain = expected_gain(probability, sizes)
    assert gain[:8].tolist() == [0] * 8
    assert gain[8] == pytest.approx(10 / 11 - 8 / 12)
    assert gain[9] == pytest.approx(8 / 11 - 8 / 12)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 500)), max_size=20))
def test_a_surer_instance_of_one_size_gains_less(instances):
    probability, sizes = np.array([p for p, _ in instances]), np.array([size for _, size in instances])
    gain = expected_gain(probability, sizes)
    assert gain.shape == probability.shape
    assert (gain >= 0).all()
    for size in set(sizes.tolist()):
        of_size = sizes == size
        order = np.argsort(probability[of_size])
        assert (np.diff(gain[of_size][order]) <= 1e-12).all()
