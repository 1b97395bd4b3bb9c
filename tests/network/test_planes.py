"""Convolutions by plane are those of Keras, computed otherwise."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers

from auxcpvloss.network.architectures.planes import convolve_by_plane, is_by_plane


@pytest.fixture(autouse=True)
def _forget():
    yield
    keras.backend.clear_session()


def convolution(depth: int, kernel: tuple[int, int, int], padding: str = "same", bias: bool = True) -> keras.Model:
    keras.utils.set_random_seed(1)
    raw = layers.Input((depth, 7, 6, 2))
    return keras.Model(raw, layers.Conv3D(3, kernel, padding=padding, use_bias=bias, activation="elu")(raw))


def computed(network: keras.Model, image: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(network(image))


@given(
    depth=st.integers(1, 3),
    kernel=st.sampled_from([(1, 3, 3), (1, 1, 3), (1, 1, 1), (1, 5, 1)]),
    padding=st.sampled_from(["same", "valid"]),
    bias=st.booleans(),
    seed=st.integers(0, 9),
)
def test_values_are_those_of_convolutions_of_volumes(depth, kernel, padding, bias, seed):
    image = np.random.default_rng(seed).normal(size=(2, depth, 7, 6, 2)).astype(np.float32)
    plain, by_plane = (convolution(depth, kernel, padding, bias) for _ in range(2))
    expected = computed(plain, image)
    assert convolve_by_plane(by_plane) is by_plane
    np.testing.assert_allclose(computed(by_plane, image), expected, atol=1e-5)
    # Each plane is that of an image of this plane alone.
    for plane in range(depth):
        np.testing.assert_allclose(computed(by_plane, image)[:, plane], expected[:, plane], atol=1e-5)


@pytest.mark.parametrize(
    ("depth", "kernel", "is_it"),
    [
        (1, (1, 3, 3), True),
        (4, (1, 3, 3), True),
        (1, (1, 1, 1), True),
        # The same product of matrices: its bits are those that trained networks were trained with.
        (4, (1, 1, 1), False),
        (4, (3, 1, 1), False),
        (1, (3, 3, 3), False),
    ],
)
def test_what_mixes_planes_is_left_alone(depth, kernel, is_it):
    network = convolution(depth, kernel)
    assert is_by_plane(network.layers[-1]) is is_it
    convolve_by_plane(network)
    assert ("convolution_op" in vars(network.layers[-1])) is is_it


def test_gradients_and_weights_have_the_shapes_of_volumes(tmp_path):
    network = convolve_by_plane(convolution(1, (1, 3, 3)))
    before = network.get_weights()
    network.compile(keras.optimizers.SGD(0.1), "mse")
    network.fit(np.ones((1, 1, 7, 6, 2)), np.zeros((1, 1, 7, 6, 3)), verbose=0)
    assert [each.shape for each in network.get_weights()] == [(1, 3, 3, 2, 3), (3,)]
    assert all((old != new).any() for old, new in zip(before, network.get_weights(), strict=True))
    # Plain Keras reads the file.
    network.save(tmp_path / "a.keras")
    read = keras.models.load_model(tmp_path / "a.keras")
    assert type(read.layers[-1]) is layers.Conv3D
    image = np.ones((1, 1, 7, 6, 2), np.float32)
    np.testing.assert_allclose(computed(read, image), computed(network, image), atol=1e-5)
