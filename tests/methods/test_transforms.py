"""Mirroring and exchange of axes: each undoes itself, and channels move as vectors and tensors do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.methods.transforms import TENSOR, TRANSFORMS_AS, Transform, exchangeable, transform_channels, transforms

CHANNELS = {"scalar": 2, "vector": 3, "affinity": 3, "symmetric_tensor": 6, "rays": 26, "shape": 10}
ALL = list(transforms(range(3), range(3)))
any_transform = st.sampled_from(ALL)


def matrix(transform):
    """The matrix that takes a vector to where a transform takes it."""
    return np.eye(3)[list(transform.order)] * np.where(transform.mirrored, -1, 1)[:, np.newaxis]


def test_all_48_symmetries_of_the_cube_are_there_once_the_identity_first():
    assert ALL[0] == Transform()
    assert len({matrix(each).tobytes() for each in ALL}) == len(ALL) == 48


@pytest.mark.parametrize(
    ("mirror", "exchange", "number"), [([], [], 1), ([1, 2], [1, 2], 8), ([0], [], 2), ([0, 1, 2], [0, 2], 16)]
)
def test_only_the_axes_that_are_named_are_touched(mirror, exchange, number):
    found = list(transforms(mirror, exchange))
    assert len(set(found)) == number
    for each in found:
        # Mirrored, wherever they come to lie.
        assert all(each.order[axis] in mirror for axis in range(3) if each.mirrored[axis])
        assert all(axis in exchange for axis in range(3) if each.order[axis] != axis)


@given(any_transform, st.sampled_from(sorted(TRANSFORMS_AS)))
def test_the_inverse_undoes_a_transform(transform, kind):
    array = np.random.default_rng(0).random((CHANNELS[kind], 2, 3, 4))
    there = transform_channels(array, kind, transform, np.nan)
    back = transform_channels(there, kind, transform.inverse, np.nan)
    has_value = np.isfinite(back)
    np.testing.assert_array_equal(back[has_value], array[has_value])
    # The first voxels are related to ones outside by their affinities, and to none in the mirror image.
    assert has_value.all() or kind == "affinity"
    assert has_value[:, 1:, 1:, 1:].all()
    assert there.shape[1:] == transform.exchanged(array.shape[1:])


@given(any_transform)
def test_vectors_and_tensors_turn_as_places_do(transform):
    rng, turn = np.random.default_rng(1), matrix(transform)
    vector, factor = rng.random(3), rng.random((3, 3))
    tensor = factor @ factor.T
    turned = transform_channels(vector.reshape(3, 1, 1, 1), "vector", transform)
    np.testing.assert_allclose(turned.ravel(), turn @ vector)
    elements = np.array([tensor[place] for place in TENSOR]).reshape(6, 1, 1, 1)
    expected = [(turn @ tensor @ turn.T)[place] for place in TENSOR]
    np.testing.assert_allclose(transform_channels(elements, "symmetric_tensor", transform).ravel(), expected)


@pytest.mark.parametrize(
    ("voxel_size", "axes"), [((1, 1, 1), [0, 1, 2]), ((2.18, 1, 1), [1, 2]), ((1, 1.05, 1.2), [0, 1]), ((1, 2, 3), [])]
)
def test_axes_are_exchangeable_where_voxels_are_about_as_long(voxel_size, axes):
    assert exchangeable([0, 1, 2], voxel_size) == axes
