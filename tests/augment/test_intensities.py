"""What augmentations of intensities do to an image."""

import numpy as np
import pytest
from skimage import exposure

from auxcpvloss.augment import AUGMENTATIONS
from auxcpvloss.augment.augmentation import Setting
from auxcpvloss.augment.clahe import CLAHE, Clahe
from auxcpvloss.augment.contrast import CONTRAST, Contrast
from auxcpvloss.augment.defect import DEFECT, Defect
from auxcpvloss.augment.dropout import DROPOUT, Dropout
from auxcpvloss.augment.gamma import GAMMA, Gamma
from auxcpvloss.augment.gaussian_blur import GAUSSIAN_BLUR, GaussianBlur
from auxcpvloss.augment.gaussian_noise import GAUSSIAN_NOISE, GaussianNoise
from auxcpvloss.augment.impulse_noise import IMPULSE_NOISE, ImpulseNoise
from auxcpvloss.augment.median_blur import MEDIAN_BLUR, MedianBlur
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


@pytest.mark.parametrize(("shape", "setting"), [((20, 32, 36), VOLUME), ((1, 48, 40), IMAGE)])
def test_clahe_raises_local_contrast_within_the_range_of_the_patch(shape, setting):
    """A faint texture on a bright ramp, in units of the camera."""
    raw = image(shape=shape) + np.linspace(0, 1000, shape[2], dtype=np.float32)
    table = Clahe(clip_limit=(0.05, 0.05), size=(8, 8))
    after = changed(CLAHE, table, raw, setting)
    assert after.dtype == np.float32
    assert np.allclose([after.min(), after.max()], [raw.min(), raw.max()])
    assert np.diff(after, axis=1).std() > 3 * np.diff(raw, axis=1).std()
    # The unit of intensities does not matter, nor does their sign.
    np.testing.assert_allclose(changed(CLAHE, table, 4 * raw - 512, setting), 4 * after - 512, atol=8)
    less = changed(CLAHE, Clahe(clip_limit=(0.01, 0.01), size=(8, 8)), raw, setting)
    assert np.diff(less, axis=1).std() < 0.8 * np.diff(after, axis=1).std()


def test_the_neighbourhoods_of_clahe_are_those_of_scikit_image_as_wide_in_space_along_each_axis():
    raw = np.random.default_rng(0).random((12, 24, 24), np.float32)
    raw[0, 0, :2] = 0, 1
    after = changed(CLAHE, Clahe(clip_limit=(0.02, 0.02), size=(12, 12)), raw, Setting((2, 1, 1), 3))
    expected = exposure.equalize_adapthist(raw, kernel_size=(6, 12, 12), clip_limit=0.02)
    np.testing.assert_allclose(after, expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(5, 6, 3), (4, 4, 4), (1, 7, 3), (1, 1, 4), (2, 1, 1), (9, 9, 9)])
def test_clahe_takes_patches_of_any_shape_for_grey_ones(shape):
    setting = IMAGE if shape[0] == 1 else VOLUME
    for size in (2, 5, 100):
        assert np.isfinite(changed(CLAHE, Clahe(size=(size, size)), image(shape=shape), setting)).all()
    flat = np.full(shape, 7, np.float32)
    np.testing.assert_array_equal(changed(CLAHE, Clahe(), flat, setting), flat)


@pytest.mark.parametrize(("voxel_size", "setting_ndim", "widths"), [((1, 1, 1), 3, (5, 5, 5)), ((2, 1, 1), 3, (3, 5, 5)), ((9, 1, 1), 3, (1, 5, 5)), ((1, 1, 1), 2, (1, 5, 5))])  # fmt: skip
def test_the_median_is_that_of_all_voxels_of_the_window(voxel_size, setting_ndim, widths):
    raw = image(shape=(6, 7, 8))
    after = changed(MEDIAN_BLUR, MedianBlur(size=(5, 5)), raw, Setting(voxel_size, setting_ndim))
    padded = np.pad(raw, [(width // 2, width // 2) for width in widths], mode="edge")
    expected = np.array([np.median(padded[tuple(map(slice, at, np.add(at, widths)))]) for at in np.ndindex(raw.shape)])
    np.testing.assert_array_equal(after.ravel(), expected)


def test_windows_of_the_median_are_odd_and_drawn_from_the_range():
    raw = image()
    each = {size: changed(MEDIAN_BLUR, MedianBlur(size=(size, size)), raw).tobytes() for size in (1, 3, 5)}
    assert each[1] == raw.tobytes()
    drawn = [changed(MEDIAN_BLUR, MedianBlur(size=(1, 5)), raw, seed=seed).tobytes() for seed in range(24)]
    assert set(drawn) == set(each.values())
    with pytest.raises(ValueError, match="must be odd numbers, not 2"):
        MedianBlur(size=(2, 5))


@pytest.mark.parametrize("salt", [0, 0.25, 1])
def test_impulses_are_as_many_as_asked_for_and_extreme(salt):
    raw = 40 * image(shape=(40, 40, 50)) + 300
    after = changed(IMPULSE_NOISE, ImpulseNoise(fraction=(0.05, 0.05), salt=salt), raw)
    assert after.dtype == np.float32
    struck = after != raw
    assert set(np.unique(after[struck])) == {raw.min(), raw.max()} - {raw.min() if salt == 1 else raw.max() if salt == 0 else None}  # fmt: skip
    assert struck.mean() == pytest.approx(0.05, rel=0.05)
    assert (after[struck] == raw.max()).mean() == pytest.approx(salt, abs=0.03)
    # Whatever the intensity and the place.
    assert raw[struck].mean() == pytest.approx(raw.mean(), abs=4)
    assert (struck[:, :, :-1] & struck[:, :, 1:]).mean() == pytest.approx(0.05**2, rel=0.3)


def test_dropout_sets_single_voxels_to_the_darkest():
    raw = image(shape=(40, 40, 50)) - 5
    after = changed(DROPOUT, Dropout(fraction=(0.1, 0.1)), raw)
    dropped = after != raw
    assert set(np.unique(after[dropped])) == {raw.min()}
    assert dropped.mean() == pytest.approx(0.1, rel=0.05)
    assert (dropped[:, :, :-1] & dropped[:, :, 1:]).mean() == pytest.approx(0.1**2, rel=0.2)


@pytest.mark.parametrize(("setting", "edges"), [(VOLUME, (4, 4, 4)), (Setting((2, 1, 1), 3), (2, 4, 4)), (Setting((9, 1, 1), 3), (1, 4, 4))])  # fmt: skip
def test_dropout_sets_blocks_as_wide_in_space_along_each_axis_that_begin_anywhere(setting, edges):
    raw, starts, shares = image(shape=(12, 24, 24)), set(), []
    for seed in range(60):
        dropped = changed(DROPOUT, Dropout(fraction=(0.2, 0.2), size=(4, 4)), raw, setting, seed) != raw
        dropped[raw == raw.min()] = True
        shares.append(dropped.mean())
        for axis, edge in enumerate(edges):
            lines = np.moveaxis(dropped, axis, 0)
            changes = {int(at) + 1 for at in np.nonzero((lines[1:] != lines[:-1]).sum(axis=(1, 2)) > 1)[0]}
            assert len({at % edge for at in changes}) == 1, (axis, changes)
            starts.add((axis, changes.pop() % edge))
    assert starts == {(axis, first) for axis, edge in enumerate(edges) for first in range(edge)}
    assert np.mean(shares) == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize("augmentation", [each for each in AUGMENTATIONS if each.change and each is not DEFECT], ids=lambda each: each.name)  # fmt: skip
def test_an_image_is_changed_as_a_volume_of_one_plane(augmentation):
    raw = image(shape=(1, 40, 44))
    as_image, as_volume = (changed(augmentation, augmentation.table(), raw, setting) for setting in (IMAGE, VOLUME))
    np.testing.assert_allclose(as_image, as_volume, atol=1e-4)
    assert not np.array_equal(as_image, raw)
