"""What each key of [training.augmentation] does to a volume of ramps, z + 2 y + 4 x."""

import numpy as np
import pytest

from auxcpvloss.methods import METHODS
from auxcpvloss.methods.cpv import CPV
from auxcpvloss.pipeline.deform import random_deformation
from auxcpvloss.pipeline.nodes import RandomPatch
from auxcpvloss.pipeline.training import BatchMaker, exchangeable_axes, target_context
from tests.conftest import configure, make_sample
from tests.pipeline.test_training import SMALL

STILL = {
    "elastic": {"jitter_sigma": [0, 0, 0], "rotation_min": 0, "rotation_max": 0},
    "intensity": {"scale": [1, 1], "shift": [0, 0]},
    "simple": {"mirror": [], "transpose": []},
}
TURNED = {"elastic": {"jitter_sigma": [0, 0, 0], "rotation_min": 30, "rotation_max": 30}}


@pytest.fixture(scope="module")
def ramps(tmp_path_factory):
    z, y, x = np.mgrid[0:40, 0:40, 0:40]
    labels = np.zeros((40, 40, 40), np.uint32)
    labels[::8, ::8, ::8] = 1
    return make_sample(tmp_path_factory.mktemp("ramps"), (z + 2 * y + 4 * x) / 400, labels)


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


def test_rotation_works_without_jitter_and_interpolates_the_image_linearly(ramps):
    raw = patch(ramps, **TURNED)
    assert steps(raw)[1] != pytest.approx(2, abs=0.2)
    assert (np.diff(raw, axis=2)[10:18, 10:18, 10:18] * 400).std() < 0.05


def test_the_seed_changes_the_batches(ramps):
    assert not np.array_equal(patch(ramps, 0, seed=1), patch(ramps, 0, seed=2))


def test_context_allows_for_rotation_jitter_and_exchange():
    class Nucleus:
        max_extent, voxel_size = (4, 6, 8), (1, 1, 1)

    def context(**change):
        return target_context(CPV, [Nucleus], configure(training={"augmentation": STILL | change}))

    still = STILL["elastic"]
    assert context() == (4, 6, 8)
    assert context(elastic={**still, "jitter_sigma": [1, 1, 1]}) == (9, 11, 13)
    assert context(elastic={**still, "rotation_max": 45}) == (4, 10, 10)
    assert context(simple={"mirror": [], "transpose": [0, 2]}) == (8, 6, 8)
    # What jitter does to one axis, exchange brings to another.
    assert context(elastic={**still, "jitter_sigma": [2, 0, 0]}, simple={"mirror": [], "transpose": [0, 2]}) == (
        14,
        6,
        14,
    )


@pytest.mark.parametrize(
    ("voxel_size", "axes"),
    [
        ((0.122, 0.116, 0.116), [0, 1, 2]),
        ((2, 0.5, 0.501), [1, 2]),
        ((0.5, 0.125, 0.126), [1, 2]),
        ((2e-6, 1e-6, 1e-6), [1, 2]),
    ],
)
def test_voxel_sizes_within_a_tenth_count_as_equal(voxel_size, axes):
    assert exchangeable_axes(configure().training.augmentation, voxel_size) == axes


def test_each_axis_has_its_own_jitter_and_control_points():
    box = ((0, 0, 0), (80, 80, 80))
    rng = np.random.default_rng(0)
    moves = random_deformation(box, rng, (10, 10, 40), (1, 0, 3), (0, 0), 4, (1, 1, 1)).displacement
    assert 0.6 < moves[0].std() < 1
    assert not moves[1].any()
    assert moves[2].std() > 1.8
    rough = [np.abs(np.diff(moves[0], axis=axis)).mean() for axis in (0, 2)]
    assert rough[0] > 2 * rough[1]
    assert rough[0] < 0.9 * moves[0].std()


def test_where_patches_may_lie():
    node = RandomPatch((8, 8, 8), (40, 40, 40), np.array([[500.0, 5, 5], [5, 5, 5]]), 1.0, (0, 0, 0))
    assert (node.lowest == 3).all()
    assert (node.highest == 37).all()
    # A center beyond the volume would be looked for forever.
    assert node.centers.tolist() == [[5, 5, 5]]
    assert (RandomPatch((8, 8, 8), (40, 40, 40), np.empty((0, 3)), 1.0, (2, 2, 2)).lowest == 1).all()


def test_voxel_sizes_reach_the_rotation(tmp_path, monkeypatch):
    from auxcpvloss.pipeline import nodes

    seen = []
    original = nodes.random_deformation
    monkeypatch.setattr(nodes, "random_deformation", lambda *a: seen.append(a[-1]) or original(*a))
    z, _, x = np.mgrid[0:30, 0:30, 0:30]
    sample = make_sample(tmp_path, x / 30, (z < 3).astype(np.uint32), (1, 2, 1))
    BatchMaker([sample], METHODS["threeclass"], configure(model=SMALL)).make(0)
    assert seen == [(1, 2, 1)]
