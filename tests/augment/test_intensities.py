"""What augmentations of intensities do to an image."""

import numpy as np
import pytest

from auxcpvloss.augment.augmentation import Setting
from auxcpvloss.augment.contrast import CONTRAST, Contrast
from auxcpvloss.augment.defect import DEFECT, Defect
from auxcpvloss.augment.gamma import GAMMA, Gamma
from auxcpvloss.augment.gaussian_blur import GAUSSIAN_BLUR, GaussianBlur
from auxcpvloss.augment.gaussian_noise import GAUSSIAN_NOISE, GaussianNoise
from auxcpvloss.augment.poisson_noise import POISSON_NOISE, PoissonNoise

VOLUME, IMAGE = Setting((1, 1, 1), 3), Setting((1, 1, 1), 2)


def image(seed=0, shape=(12, 14, 16)):
    """Intensities of both signs, as after mean_std."""
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def changed(augmentation, table, raw, setting=VOLUME, seed=0):
    before = raw.copy()
    after = augmentation.change(raw, table, setting, np.random.default_rng(seed))
    np.testing.assert_array_equal(raw, before)
    assert after.shape == raw.shape
    return after


@pytest.mark.parametrize("exponent", [0.5, 1, 3])
def test_gamma_raises_intensities_of_any_sign_to_a_power_within_their_range(exponent):
    raw = image()
    after = changed(GAMMA, Gamma(exponent=(exponent, exponent)), raw)
    low, high = float(raw.min()), float(raw.max())
    np.testing.assert_allclose(after, low + (high - low) * ((raw - low) / (high - low)) ** exponent, atol=1e-5)
    flat = np.full((2, 3, 4), -0.5, np.float32)
    np.testing.assert_array_equal(changed(GAMMA, Gamma(), flat), flat)


def test_gamma_makes_as_many_patches_darker_as_brighter():
    raw = image()
    table = Gamma(exponent=(0.5, 2))
    assert abs(np.mean([np.sign((changed(GAMMA, table, raw, seed=seed) - raw).mean()) for seed in range(200)])) < 0.2


@pytest.mark.parametrize(("voxel_size", "ndim"), [((1, 1, 1), 3), ((2, 1, 1), 3), ((2, 1, 1), 2)])
def test_a_blurred_point_is_a_gaussian_as_wide_in_space_along_each_axis(voxel_size, ndim):
    raw = np.zeros((33, 33, 33), np.float32)
    raw[16, 16, 16] = 1
    after = changed(GAUSSIAN_BLUR, GaussianBlur(sigma=(2, 2)), raw, Setting(voxel_size, ndim))
    grid = np.indices(raw.shape) - 16
    for axis, size in enumerate(voxel_size):
        deviation = np.sqrt((after * grid[axis] ** 2).sum())
        assert deviation * size == pytest.approx(0 if axis == 0 and ndim == 2 else 2, rel=0.05)


@pytest.mark.parametrize("factor", [0.5, 2])
def test_contrast_scales_differences_from_the_mean_and_saturates(factor):
    raw = image()
    after = changed(CONTRAST, Contrast(factor=(factor, factor)), raw)
    wanted = raw.mean() + factor * (raw - raw.mean())
    inside = (wanted > raw.min()) & (wanted < raw.max())
    np.testing.assert_allclose(after[inside], wanted[inside], atol=1e-5)
    assert set(np.unique(after[~inside])) <= {raw.min(), raw.max()}
    assert inside.all() == (factor < 1)


def test_gaussian_noise_has_the_deviation_asked_for():
    raw = image(shape=(30, 40, 50))
    noise = changed(GAUSSIAN_NOISE, GaussianNoise(sigma=(0.2, 0.2)), raw) - raw
    assert noise.std() == pytest.approx(0.2, rel=0.02)
    assert abs(noise.mean()) < 0.01
    assert abs(np.corrcoef(noise.ravel(), raw.ravel())[0, 1]) < 0.02


def test_poisson_noise_has_the_variance_of_so_many_photons():
    """Intensities from -1, no photon, to 1, 50 photons."""
    raw = np.repeat(np.linspace(-1, 1, 6), 20_000).reshape(6, 100, 200).astype(np.float32)
    photons = (changed(POISSON_NOISE, PoissonNoise(photons=(50, 50)), raw) + 1) / 2 * 50
    np.testing.assert_allclose(photons, np.round(photons), atol=1e-3)
    expected = np.linspace(0, 50, 6)
    np.testing.assert_allclose(photons.mean(axis=(1, 2)), expected, rtol=0.02)
    np.testing.assert_allclose(photons.var(axis=(1, 2)), expected, rtol=0.05)
    flat = np.full((2, 3, 4), -0.5, np.float32)
    np.testing.assert_array_equal(changed(POISSON_NOISE, PoissonNoise(), flat), flat)


@pytest.mark.parametrize(("setting", "axis"), [(VOLUME, 0), (IMAGE, 1)])
def test_defects_darken_adjacent_planes_anywhere(setting, axis):
    raw = image(shape=(8, 9, 10) if axis == 0 else (1, 9, 10))
    seen = set()
    for seed in range(300):
        after = changed(DEFECT, Defect(planes=(1, 3), brightness=(0.5, 0.5)), raw, setting, seed)
        (where,) = np.nonzero((after != raw).any(axis=tuple({0, 1, 2} - {axis})))
        assert (np.diff(where) == 1).all()
        planes = np.take(raw, where, axis)
        np.testing.assert_allclose(np.take(after, where, axis), (planes + raw.min()) / 2, atol=1e-6)
        seen.add((int(where[0]), len(where)))
    assert seen == {(first, count) for count in (1, 2, 3) for first in range(raw.shape[axis] + 1 - count)}
    assert (changed(DEFECT, Defect(planes=(900, 900), brightness=(0, 0)), raw, setting) == raw.min()).all()
