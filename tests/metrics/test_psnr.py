import numpy as np
import pytest

from auxcpvloss.metrics.psnr import psnr


def test_it_is_that_of_noise_of_a_known_width():
    clean = np.linspace(0, 255, 40_000).reshape(1, 200, 200)
    noisy = clean + np.random.default_rng(0).normal(0, 25.5, clean.shape)
    assert psnr(clean, noisy) == pytest.approx(20, abs=0.1)
    assert psnr(clean, noisy, 25.5) == pytest.approx(0, abs=0.1)
    assert psnr(clean.astype(np.uint8), clean.astype(np.uint8) + np.uint8(1), 255) > 0
    assert psnr(clean, clean) == float("inf")


def test_it_needs_a_range_and_one_shape():
    with pytest.raises(ValueError, match="range"):
        psnr(np.ones((2, 2)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="same dimensions"):
        psnr(np.arange(4), np.arange(5))
