import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.network import losses

seeds = st.integers(0, 2**32 - 1)


def patches(seed, channels):
    rng = np.random.default_rng(seed)
    region = rng.choice([losses.OUTSIDE, losses.BACKGROUND, losses.INSTANCE], size=(2, 3, 4, 5, 1), p=[0.2, 0.5, 0.3])
    return rng, region.astype(np.float32), rng.normal(size=(2, 3, 4, 5, channels)).astype(np.float32)


@given(seeds)
def test_cross_entropy_equals_a_loop_over_voxels(seed):
    rng, region, prediction = patches(seed, 3)
    target = rng.choice([0, 1, 2], size=region.shape, p=[0.9, 0.08, 0.02]).astype(np.float32)
    expected = []
    for patch in range(2):
        known = [v for v in np.ndindex(3, 4, 5) if region[(patch, *v, 0)] != losses.OUTSIDE]
        total = 0.0
        for voxel in known:
            of = target[(patch, *voxel, 0)]
            fraction = sum(target[(patch, *v, 0)] == of for v in known) / len(known)
            weight = 1 / (3 * min(max(fraction, 0.05), 0.95))
            logits = prediction[(patch, *voxel)].astype(float)
            total -= weight * (logits[int(of)] - np.log(np.exp(logits).sum()))
        expected.append(total / max(len(known), 1))
    np.testing.assert_allclose(losses.balanced_cross_entropy(target, prediction, region), expected, rtol=1e-4)


@given(seeds)
def test_the_loss_of_vectors_equals_a_loop_over_voxels(seed):
    rng, region, prediction = patches(seed, 3)
    target = rng.normal(size=prediction.shape).astype(np.float32)
    expected = []
    for patch in range(2):
        values = [
            (1 if kind == losses.INSTANCE else 0.01) * (target[(patch, *v, c)] - prediction[(patch, *v, c)]) ** 2
            for v in np.ndindex(3, 4, 5)
            for c in range(3)
            if (kind := region[(patch, *v, 0)]) != losses.OUTSIDE
        ]
        expected.append(np.mean(values) if values else 0)
    np.testing.assert_allclose(losses.center_vector_loss(target, prediction, region), expected, rtol=1e-4)


@pytest.mark.parametrize("loss", [losses.balanced_cross_entropy, losses.center_vector_loss])
def test_a_patch_outside_the_volume_teaches_nothing(loss):
    nothing = np.zeros((1, 2, 2, 2, 1), np.float32)
    channels = np.ones((1, 2, 2, 2, 3), np.float32)
    target = nothing if loss is losses.balanced_cross_entropy else channels
    assert float(loss(target, 5 * channels, nothing)[0]) == 0
