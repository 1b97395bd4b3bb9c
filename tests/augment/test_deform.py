import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from auxcpvloss.augment.augmentation import Setting
from auxcpvloss.augment.deform import Deformation
from auxcpvloss.augment.elastic import ELASTIC, Elastic, _random_field
from auxcpvloss.augment.sampling import Sampler

boxes = st.tuples(st.tuples(*[st.integers(-30, 30)] * 3), st.tuples(*[st.integers(1, 30)] * 3))


def deformation(box, seed=0, sigma=1.0, angle=(-45, 45), voxel_size=(1, 1, 1), subsample=4):
    table = Elastic(jitter_sigma=(sigma,) * 3, rotation_min=angle[0], rotation_max=angle[1], subsample=subsample)
    return ELASTIC.deform(Deformation(box), table, Setting(voxel_size, 3), np.random.default_rng(seed))


def shifts(displacement, box):
    """Interpolate linearly between knots along one axis after the other, for all voxels at once."""
    moved = displacement.knots
    for axis, (first, size, origin) in enumerate(zip(*box, displacement.origin, strict=True), start=1):
        below, rest = np.divmod(np.arange(first, first + size) - origin, displacement.subsample)
        lower, upper = np.take(moved, below, axis), np.take(moved, below + 1, axis)
        weights = (rest / displacement.subsample).astype(np.float32).reshape(-1, *[1] * (3 - axis))
        moved = lower + weights * (upper - lower)
    return moved


def places(whole, box):
    """Find where each voxel of a box comes from: (3, Z, Y, X) of float32."""
    moved = np.zeros((3, *box[1]), np.float32) if whole.displacement is None else shifts(whole.displacement, box)
    axes = [np.arange(first, first + size) - c for first, size, c in zip(*box, whole.center, strict=True)]
    grid = np.meshgrid(*[axis.astype(np.float32) for axis in axes], indexing="ij", sparse=True)
    for row in range(3):
        for column in range(3):
            moved[row] += whole.linear.astype(np.float32)[row, column] * grid[column]
    return moved + whole.center.astype(np.float32).reshape(3, 1, 1, 1)


def sampled_places(whole, box):
    """Find the same by sampling ramps along z, y and x."""
    sampler = Sampler(whole, box)
    ramps = np.meshgrid(*map(np.arange, sampler.first, sampler.last + 1), indexing="ij")
    return np.stack([sampler.linear(np.ascontiguousarray(ramp, np.float32)) for ramp in ramps])


def from_center(whole, box):
    return sampled_places(whole, box) - whole.center.reshape(3, 1, 1, 1)


@given(boxes, st.integers(0, 1000), st.sampled_from([1, 3, 4]))
def test_samples_are_those_of_scipy_to_the_bit(box, seed, subsample):
    rng = np.random.default_rng(seed)
    whole = Deformation(box) if seed % 5 == 0 else deformation(box, seed, subsample=subsample)
    sampler, expected = Sampler(whole, box), places(whole, box)
    np.testing.assert_array_equal(sampler.first, np.floor(expected.min(axis=(1, 2, 3))))
    np.testing.assert_array_equal(sampler.last, np.ceil(expected.max(axis=(1, 2, 3))))
    inside = expected - sampler.first.astype(np.float32).reshape(3, 1, 1, 1)
    image = rng.random(sampler.last - sampler.first + 1, np.float32)
    labels = rng.integers(2**32, size=image.shape, dtype=np.uint32)
    linear = ndimage.map_coordinates(image, inside, order=1, mode="nearest", prefilter=False)
    np.testing.assert_array_equal(sampler.linear(image), linear)
    nearest = np.empty(box[1], np.uint32)
    sampler.nearest(labels, nearest)
    np.testing.assert_array_equal(nearest, labels[tuple(np.floor(inside + np.float32(0.5)).astype(int))])


@given(boxes, st.integers(0, 1000), st.data())
def test_a_part_is_cut_out_of_the_whole(box, seed, data):
    """Raw and labels of different extent must not be shifted against each other, not by a bit."""
    whole = deformation(box, seed)
    first = [data.draw(st.integers(0, size - 1)) for size in box[1]]
    shape = [data.draw(st.integers(1, size - f)) for size, f in zip(box[1], first, strict=True)]
    found, part = Sampler(whole, box), Sampler(whole, (tuple(np.add(box[0], first)), tuple(shape)))
    image = np.random.default_rng(seed).random(found.last - found.first + 1, np.float32)
    source = image[tuple(map(slice, part.first - found.first, part.last - found.first + 1))]
    inside = tuple(slice(f, f + s) for f, s in zip(first, shape, strict=True))
    expected = found.linear(image)[inside]
    # The place within the source of a part has other digits than within that of the whole.
    np.testing.assert_allclose(part.linear(np.ascontiguousarray(source)), expected, atol=1e-4)


@pytest.mark.parametrize("still", [lambda box: deformation(box, sigma=0, angle=(0, 0)), Deformation])
def test_nothing_moves_without_jitter_and_rotation(still):
    box = ((5, -3, 0), (7, 8, 9))
    np.testing.assert_allclose(sampled_places(still(box), box), np.mgrid[5:12, -3:5, 0:9], atol=1e-6)


@pytest.mark.parametrize("voxel_size", [(1, 1, 1), (2.18, 1, 1), (2, 1, 0.5)])
def test_a_rotation_keeps_physical_distances_and_z(voxel_size):
    box = ((0, 0, 0), (3, 9, 9))
    turned = deformation(box, sigma=0, angle=(30, 30), voxel_size=voxel_size)
    scale = np.array(voxel_size).reshape(3, 1, 1, 1)
    physical = from_center(turned, box) * scale
    grid = (np.mgrid[0:3, 0:9, 0:9] - turned.center.reshape(3, 1, 1, 1)) * scale
    np.testing.assert_allclose(physical[0], grid[0], atol=1e-5)
    np.testing.assert_allclose(np.hypot(*physical[1:]), np.hypot(*grid[1:]), atol=1e-4)
    cosine = (physical[1:] * grid[1:]).sum(axis=0) / np.maximum(np.hypot(*grid[1:]) ** 2, 1e-9)
    assert np.median(cosine) == pytest.approx(np.cos(np.deg2rad(30)), abs=1e-4)


def test_angles_and_jitter_are_those_asked_for():
    box = ((0, 0, 0), (40, 40, 40))
    angles, moves = [], []
    for seed in range(60):
        one = deformation(box, seed)
        angles.append(np.rad2deg(np.arctan2(one.linear[2, 1], one.linear[1, 1])))
        moves.append(one.displacement.knots)
    assert -45 <= min(angles) < -35
    assert 35 < max(angles) <= 45
    # At control points the spread is sigma; in between the spline averages, so a little less in all.
    assert 0.6 < np.std(moves) < 1.0
    assert abs(np.mean(moves)) < 0.05


def test_the_field_is_the_cubic_spline_through_the_control_points():
    """It passes through the values at the control points."""
    spacing = np.array([2.5, 2.5, 2.5])
    field = _random_field(np.array([30, 1, 1]), spacing, 1.0, np.random.default_rng(3))[:, 0, 0]
    values = np.random.default_rng(3).normal(0, 1.0, np.ceil((np.array([30, 1, 1]) - 1) / spacing).astype(int) + 5)
    at_points = field[::5]  # every fifth knot lies on every second control point
    np.testing.assert_allclose(at_points, values[2::2, 2, 2][: len(at_points)], atol=1e-5)


def test_the_map_is_linear_between_knots():
    box = ((0, 0, 0), (17, 1, 1))
    coarse = sampled_places(deformation(box, angle=(0, 0), subsample=4), box)[:, :, 0, 0]
    np.testing.assert_allclose(coarse[:, 2], (coarse[:, 0] + coarse[:, 4]) / 2, atol=1e-5)
    np.testing.assert_allclose(coarse[:, 1], (3 * coarse[:, 0] + coarse[:, 4]) / 4, atol=1e-5)


def test_each_axis_has_its_own_jitter_and_control_points():
    table = Elastic(control_point_spacing=(10, 10, 40), jitter_sigma=(1, 0, 3))
    box = Deformation(((0, 0, 0), (80, 80, 80)))
    moves = ELASTIC.deform(box, table, Setting((1, 1, 1), 3), np.random.default_rng(0)).displacement.knots
    assert 0.6 < moves[0].std() < 1
    assert not moves[1].any()
    assert moves[2].std() > 1.8
    rough = [np.abs(np.diff(moves[0], axis=axis)).mean() for axis in (0, 2)]
    assert rough[0] > 2 * rough[1]
    assert rough[0] < 0.9 * moves[0].std()
