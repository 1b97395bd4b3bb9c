import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.methods import METHODS, find_method
from auxcpvloss.methods.method import UNKNOWN
from auxcpvloss.network import losses
from tests.conftest import blobs, configure

seeds = st.integers(0, 2**32 - 1)


def patches(seed, channels):
    rng = np.random.default_rng(seed)
    region = rng.choice([losses.OUTSIDE, losses.BACKGROUND, losses.INSTANCE], size=(2, 3, 4, 5, 1), p=[0.2, 0.5, 0.3])
    return rng, region.astype(np.float32), rng.normal(size=(2, 3, 4, 5, channels)).astype(np.float32)


@given(seeds, st.sampled_from([0.0, 0.01, 2.0]))
def test_the_loss_of_vectors_equals_a_loop_over_voxels(seed, background):
    rng, region, prediction = patches(seed, 3)
    target = rng.normal(size=prediction.shape).astype(np.float32)
    expected = []
    for patch in range(2):
        values = [
            (1 if kind == losses.INSTANCE else background) * (target[(patch, *v, c)] - prediction[(patch, *v, c)]) ** 2
            for v in np.ndindex(3, 4, 5)
            for c in range(3)
            if (kind := region[(patch, *v, 0)]) != losses.OUTSIDE
        ]
        expected.append(np.mean(values) if values else 0)
    (cpv,) = (head for head in METHODS["threeclass_cpv"].heads if head.name == "cpv")
    loss = losses.loss_of(cpv, configure(model={"loss_cpv_background": background}))
    np.testing.assert_allclose(loss(target, prediction, region), expected, rtol=1e-4)


def mean_square(target, prediction, region, weight):
    means = []
    for patch in range(2):
        values = [
            weight(target[(patch, *v, c)]) * (target[(patch, *v, c)] - prediction[(patch, *v, c)]) ** 2
            for v in np.ndindex(3, 4, 5)
            for c in range(target.shape[-1])
            if region[(patch, *v, 0)] != losses.OUTSIDE
        ]
        means.append(np.mean(values) if values else 0)
    return means


@given(seeds)
def test_the_squared_difference_equals_a_loop_over_voxels(seed):
    rng, region, prediction = patches(seed, 2)
    target = rng.normal(size=prediction.shape).astype(np.float32)
    expected = mean_square(target, prediction, region, lambda value: 1)
    np.testing.assert_allclose(losses.squared_difference(target, prediction, region), expected, rtol=1e-4)


@given(seeds)
def test_what_is_not_known_of_a_target_does_not_count(seed):
    rng, region, prediction = patches(seed, 1)
    target = rng.random(prediction.shape).astype(np.float32)
    loss = losses.LOSSES["known_squared_difference"]
    np.testing.assert_array_equal(loss(target, prediction, region), losses.squared_difference(target, prediction, region))  # fmt: skip
    unknown = rng.random(target.shape) < 0.4
    expected = mean_square(target, prediction, np.where(unknown, losses.OUTSIDE, region), lambda value: 1)
    np.testing.assert_allclose(loss(np.where(unknown, UNKNOWN, target), prediction, region), expected, rtol=1e-4)


@given(seeds)
def test_the_loss_of_blobs_equals_a_loop_over_voxels(seed):
    rng, region, prediction = patches(seed, 1)
    target = rng.choice(np.float32([0, 0.005, 0.01, 0.5, 1]), size=region.shape)
    expected = mean_square(target, prediction, region, lambda value: 1 if value >= np.float32(0.01) else 1e-5)
    np.testing.assert_allclose(losses.blob_loss(target, prediction, region), expected, rtol=1e-4)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_patch_outside_the_volume_teaches_nothing(method):
    outside, config = np.zeros((1, 2, 2, 2, 1), np.float32), configure(model={"method": method.name})
    for head in method.heads:
        target = np.moveaxis(head.target(np.ones((2, 2, 2), np.uint32)), 0, -1)[np.newaxis].astype(np.float32)
        prediction = np.full((1, 2, 2, 2, head.channels), 5, np.float32)
        assert float(losses.loss_of(head, config)(target, prediction, outside)[0]) == 0
        assert float(losses.loss_of(head, config)(target, prediction, outside + losses.BACKGROUND)[0]) > 0


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_nothing_is_better_than_the_perfect_prediction(method):
    labels, config = blobs((8, 8, 8), 4, seed=3), configure(model={"method": method.name})
    region = (np.where(labels > 0, losses.INSTANCE, losses.BACKGROUND)[np.newaxis, ..., np.newaxis]).astype(np.float32)
    rng = np.random.default_rng(0)
    for head in method.heads:
        target = head.target(labels)
        perfect = np.moveaxis(head.perfect(target), 0, -1)[np.newaxis].astype(np.float32)
        last = np.moveaxis(target, 0, -1)[np.newaxis].astype(np.float32)
        other = perfect + rng.normal(0, 25, perfect.shape).astype(np.float32)
        best = float(losses.loss_of(head, config)(last, perfect, region)[0])
        assert best == pytest.approx(0, abs=1e-6)
        assert float(losses.loss_of(head, config)(last, other, region)[0]) > best


@pytest.mark.parametrize("name", [*METHODS, "threeclass_edt"])
def test_blind_spots_concern_only_what_learns_there(name):
    """Of unannotated voxels too; all other losses are what they are without."""
    config, method = configure(model={"method": name, "auxiliary": ["n2v"]}), find_method(name, ["n2v"])
    labels, rng = blobs((8, 8, 8), 4, seed=3), np.random.default_rng(0)
    region = np.where(labels > 0, losses.INSTANCE, losses.BACKGROUND)[np.newaxis, ..., np.newaxis].astype(np.float32)
    region[:, :3] = losses.OUTSIDE
    spots = rng.random(region.shape) < 0.1
    both = np.concatenate([region, np.where(spots, losses.INSTANCE, losses.OUTSIDE)], axis=-1).astype(np.float32)
    for head in method.heads[:-1]:
        target = np.moveaxis(head.target(labels), 0, -1)[np.newaxis].astype(np.float32)
        prediction = rng.normal(size=(1, 8, 8, 8, head.channels)).astype(np.float32)
        alone, beside = (float(losses.loss_of(head, config)(target, prediction, given)[0]) for given in (region, both))
        assert alone == beside
    denoising = losses.loss_of(method.heads[-1], config)
    target, prediction = rng.normal(size=(2, *spots.shape)).astype(np.float32)
    expected = ((target - prediction)[spots] ** 2).mean()
    assert float(denoising(target, prediction, both)[0]) == pytest.approx(expected, rel=1e-5)
    elsewhere = np.where(spots, prediction, rng.normal(0, 9, spots.shape)).astype(np.float32)
    assert float(denoising(target, elsewhere, both)[0]) == float(denoising(target, prediction, both)[0])
