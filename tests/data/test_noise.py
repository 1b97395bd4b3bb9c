"""Correlation of noise, measured in images whose noise is known."""

import numpy as np
import pytest
from scipy import ndimage

from auxcpvloss.data.noise import measure_noise

SHAPES = {"image": (1, 200, 240), "volume": (24, 64, 72)}


def smooth(shape, seed=0):
    """Bright and dim blobs, in 0..1, in a third of the image."""
    rng, image = np.random.default_rng(seed), np.zeros(shape)
    for _ in range(np.prod(shape) // 1500):
        image[tuple(rng.integers(0, shape))] += rng.uniform(0.5, 1)
    image = ndimage.gaussian_filter(image, [2.5 if size > 1 else 0 for size in shape])
    return image / image.max()


def noise(shape, blur=(0, 0, 0), seed=1):
    drawn = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), blur)
    return drawn / drawn.std()


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("sigma", [0.02, 0.2])
def test_independent_noise_is_known_from_structures(shape, sigma):
    found = measure_noise(100 * (smooth(shape) + sigma * noise(shape)))
    assert found.extent == (0, 0, 0)
    assert found.sigma == pytest.approx(100 * sigma, rel=0.1)
    assert np.isnan(found.correlation[0]).all() == (shape[0] == 1)
    assert np.nanmax(np.abs(found.correlation[:, :3])) < 0.08


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("width", [0.5, 1.0, 2.0])
def test_noise_that_was_blurred_along_an_axis_has_the_correlation_of_that_blur(shape, axis, width):
    blur = np.zeros(3)
    blur[axis] = width
    found = measure_noise(smooth(shape) + 0.1 * noise(shape, blur))
    kernel = ndimage.gaussian_filter1d(np.eye(1, 61, 30)[0], width)
    expected = np.correlate(kernel, kernel, "full")[60:71] / (kernel**2).sum()
    np.testing.assert_allclose(found.correlation[axis], expected[1:], atol=0.1)
    extent = np.argmax(expected[1:] < 0.15)
    assert found.extent[axis] == pytest.approx(extent, abs=1)
    assert found.extent[axis] > 0
    assert all(found.extent[other] == 0 for other in range(3) if other != axis)


def test_planes_that_are_alike_are_seen_in_a_volume():
    shape = SHAPES["volume"]
    planes = np.repeat(noise(shape)[::4], 4, axis=0)
    assert measure_noise(smooth(shape) + 0.1 * planes).extent == (3, 0, 0)


def test_lines_are_correlated_as_far_as_is_looked():
    lines = np.broadcast_to(noise((1, 200, 1)), (1, 200, 240))
    assert measure_noise(smooth((1, 200, 240)) + 0.1 * lines).extent == (0, 0, 10)


@pytest.mark.parametrize("shape", [*SHAPES.values(), (1, 3, 4), (1, 1, 50), (0, 5, 5), (30, 4, 4)])
def test_nothing_is_said_without_noise_or_room(shape):
    images = [smooth(shape), np.rint(255 * smooth(shape)).astype(np.uint8)] if min(shape[1:]) > 9 else []
    for image in (*images, np.full(shape, 7)):
        found = measure_noise(image)
        assert np.isnan(found.correlation).all()
        assert found.extent == (0, 0, 0)
