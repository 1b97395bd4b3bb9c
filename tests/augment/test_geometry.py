"""What each key of [training.augmentation] does to a volume of ramps, z + 2 y + 4 x."""

import numpy as np
import pytest

from auxcpvloss.augment import switched_off
from auxcpvloss.augment.augmentation import Setting
from auxcpvloss.augment.deform import Deformation
from auxcpvloss.augment.simple import SIMPLE, exchangeable_axes
from auxcpvloss.augment.zoom import ZOOM, Zoom
from auxcpvloss.config import dump
from auxcpvloss.methods import METHODS
from auxcpvloss.methods.auxiliary.cpv import CPV
from auxcpvloss.pipeline.batch_maker import BatchMaker
from auxcpvloss.pipeline.context import target_context
from tests.conftest import configure, make_sample
from tests.pipeline.test_batch_maker import SMALL

STILL = dump(switched_off(configure()))["training"]["augmentation"]
TURNED = {"elastic": {"jitter_sigma": [0, 0, 0], "rotation_min": 30, "rotation_max": 30}}


def ramp_sample(folder, voxel_size=(1, 1, 1)):
    z, y, x = np.mgrid[0:40, 0:40, 0:40]
    labels = np.zeros((40, 40, 40), np.uint32)
    labels[::8, ::8, ::8] = 1
    return make_sample(folder, (z + 2 * y + 4 * x) / 400, labels, voxel_size)


@pytest.fixture(scope="module")
def ramps(tmp_path_factory):
    return ramp_sample(tmp_path_factory.mktemp("ramps"))


def patch(sample, number=0, seed=42, **change):
    config = configure(model=SMALL, general={"seed": seed}, training={"augmentation": STILL | change})
    return BatchMaker([sample], METHODS["threeclass"], config).make(number).raw[0, 0]


def steps(raw):
    """Median slope along z, y, x, away from the padding."""
    return [float(np.median(np.diff(raw, axis=axis)[10:18, 10:18, 10:18])) * 400 for axis in range(3)]


def test_only_the_axes_asked_for_are_mirrored(ramps):
    simple = {"mirror": [0, 2], "transpose": []}
    signs = np.sign([steps(patch(ramps, number, simple=simple)) for number in range(12)])
    assert set(signs[:, 0]) == set(signs[:, 2]) == {-1, 1}
    assert set(signs[:, 1]) == {1}


def test_only_the_axes_asked_for_are_exchanged(ramps):
    simple = {"mirror": [], "transpose": [0, 2]}
    orders = {tuple(np.round(np.abs(steps(patch(ramps, number, simple=simple))))) for number in range(12)}
    assert orders == {(1, 2, 4), (4, 2, 1)}


def test_intensities_are_scaled_and_shifted_and_not_clipped(ramps):
    raw = patch(ramps, intensity={"scale": [0.5, 0.5], "shift": [3, 3]})
    assert np.allclose(steps(raw), [0.5, 1, 2], atol=1e-3)
    assert raw.max() > 1.5


@pytest.mark.parametrize("voxel_size", [(1, 1, 1), (1, 2, 1)])
def test_rotation_turns_in_space_and_interpolates_linearly(tmp_path, voxel_size):
    raw = patch(ramp_sample(tmp_path, voxel_size), **TURNED)
    cosine, sine, ratio = np.cos(np.pi / 6), np.sin(np.pi / 6), voxel_size[1] / voxel_size[2]
    assert np.allclose(steps(raw), [1, 2 * cosine + 4 * sine * ratio, 4 * cosine - 2 * sine / ratio], atol=1e-3)
    assert (np.diff(raw, axis=2)[10:18, 10:18, 10:18] * 400).std() < 0.05


@pytest.mark.parametrize("factor", [0.5, 2])
def test_zoom_spreads_the_image_along_all_axes(ramps, factor):
    raw = patch(ramps, zoom={"probability": 1.0, "factor": [factor, factor]})
    assert np.allclose(steps(raw), np.array([1, 2, 4]) / factor, atol=1e-3)


def test_as_many_patches_are_zoomed_as_asked_for_and_as_many_grow_as_shrink(ramps):
    zoom = {"probability": 0.5, "factor": [0.5, 2]}
    factors = np.array([4 / steps(patch(ramps, number, zoom=zoom))[2] for number in range(80)])
    unchanged = np.isclose(factors, 1, atol=1e-3)
    assert 0.3 < unchanged.mean() < 0.7
    assert 0.3 < (factors[~unchanged] < 1).mean() < 0.7


@pytest.mark.parametrize(("ndim", "along_z"), [(3, 1), (2, 0)])
def test_zoom_draws_each_of_the_factors_alike_and_nothing_between(ndim, along_z):
    factors, rng = [1 / 3, 2 / 3, 1, 4 / 3, 2], np.random.default_rng(0)
    table, setting = Zoom(probability=1.0, factor=(3, 4), factors=factors), Setting((1, 1, 1), ndim)
    maps = [ZOOM.deform(Deformation(((0, 0, 0), (9, 9, 9))), table, setting, rng).linear for _ in range(500)]
    drawn = np.array([1 / np.diag(one) for one in maps])
    for factor in factors:
        is_it = np.isclose(drawn, [factor**along_z, factor, factor]).all(axis=1)
        assert 70 < is_it.sum() < 130
    assert ZOOM.region(np.full(3, 256.0), table, setting)[1:].tolist() == [770, 770]


def test_the_seed_changes_the_batches(ramps):
    assert not np.array_equal(patch(ramps, 0, seed=1), patch(ramps, 0, seed=2))


def test_context_allows_for_rotation_jitter_and_exchange():
    class Nucleus:
        max_extent, voxel_size = (4, 6, 8), (1, 1, 1)

    def context(**change):
        return target_context(CPV.head, [Nucleus], configure(training={"augmentation": STILL | change}))

    still = STILL["elastic"]
    assert (context(), context(elastic={**still, "jitter_sigma": [1, 1, 1]})) == ((4, 6, 8), (9, 11, 13))
    assert context(elastic={**still, "rotation_max": 45}) == (4, 10, 10)
    assert context(simple={"mirror": [], "transpose": [0, 2]}) == (8, 6, 8)
    assert context(zoom={"probability": 0.1, "factor": [0.5, 2]}) == (8, 12, 16)
    assert context(zoom={"probability": 0.1, "factor": [0.5, 1], "factors": [0.5, 3, 1]}) == (12, 18, 24)
    # What jitter does to one axis, exchange brings to another.
    assert context(elastic={**still, "jitter_sigma": [2, 0, 0]}, simple={"mirror": [], "transpose": [0, 2]}) == (14, 6, 14)  # fmt: skip


@pytest.mark.parametrize(
    ("voxel_size", "wanted", "axes"),
    [
        ((0.122, 0.116, 0.116), [0, 1, 2], [0, 1, 2]),
        ((2, 0.5, 0.501), [0, 1, 2], [1, 2]),
        ((2e-6, 1e-6, 1e-6), [0, 1, 2], [1, 2]),
        ((3, 2, 1), [0, 1, 2], []),
        ((1, 1, 1), [], []),
        ((1, 1, 1), [0], []),
    ],
)
def test_only_axes_of_voxel_sizes_within_a_tenth_are_exchanged(voxel_size, wanted, axes):
    config = configure(training={"augmentation": {"simple": {"transpose": wanted}}})
    assert exchangeable_axes(SIMPLE.table_of(config), voxel_size) == axes
