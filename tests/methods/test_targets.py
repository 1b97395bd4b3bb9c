"""Targets against loops over voxels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.methods import AUXILIARY, METHODS, OUTSIDE, affinities, gauss, nedt_border, sdt, threeclass
from auxcpvloss.methods.auxiliary import cpv, edt
from auxcpvloss.methods.instance_geometry import find_centers
from auxcpvloss.methods.method import UNKNOWN, FromRaw
from auxcpvloss.methods.transforms import transform_channels, transforms
from tests.conftest import blobs

labels_with_outside = arrays(
    np.uint32,
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 7)),
    elements=st.sampled_from([0, 0, 1, 2, 7, 3_000_000_000, int(IGNORED), int(OUTSIDE)]),
)


def is_instance(label):
    return label not in (0, IGNORED, OUTSIDE)


def centers_of(labels):
    return {label: np.argwhere(labels == label).mean(axis=0) for label in set(labels.ravel().tolist()) if is_instance(label)}  # fmt: skip


@given(labels_with_outside)
def test_center_vectors_equal_a_loop_over_voxels(labels):
    centers = centers_of(labels)
    expected = np.zeros((3, *labels.shape))
    for voxel in np.ndindex(labels.shape):
        if is_instance(labels[voxel]):
            expected[(slice(None), *voxel)] = centers[labels[voxel]] - voxel
    vectors = cpv.target(labels)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_centers_are_found_of_any_number_of_labels():
    labels = np.random.default_rng(0).integers(2**31, size=(20, 20, 20), dtype=np.uint32) + np.uint32(1)
    labels[:, :, 1::2] = labels[:, :, ::2]
    found = find_centers(labels).found
    expected = np.array([center for _, center in sorted(centers_of(labels).items())])
    assert len(expected) > 3000
    np.testing.assert_array_equal(found, expected)


def eroded_away(labels, voxel, reach):
    """Whether erosion with all neighbours at most `reach` steps along the axes takes a voxel of an instance away."""
    for step in np.ndindex(3, 3, 3):
        step = np.array(step) - 1
        neighbour = tuple(voxel + step)
        # The border of the image is no boundary, nor is the end of what is known.
        known = all(0 <= n < s for n, s in zip(neighbour, labels.shape, strict=True)) and labels[neighbour] < IGNORED
        if abs(step).sum() <= reach and known and labels[neighbour] != labels[voxel]:
            return True
    return False


@given(labels_with_outside)
def test_classes_equal_a_loop_over_voxels(labels):
    expected = np.zeros(labels.shape, dtype=int)
    for voxel in np.ndindex(labels.shape):
        if is_instance(labels[voxel]):
            expected[voxel] = threeclass.BOUNDARY if eroded_away(labels, voxel, 3) else threeclass.INTERIOR
    np.testing.assert_array_equal(threeclass.target(labels)[0], expected)


def test_a_nucleus_at_the_end_of_the_volume_has_no_boundary_there():
    labels = np.zeros((6, 6, 6), np.uint32)
    labels[:, 1:5, 1:5] = 1
    assert (threeclass.target(labels)[0][0, 2:4, 2:4] == threeclass.INTERIOR).all()


@given(labels_with_outside)
def test_signed_distances_equal_a_loop_over_voxels(labels):
    boundary = [v for v in np.ndindex(labels.shape) if is_instance(labels[v]) and eroded_away(labels, v, 3)]
    expected = np.ones(labels.shape)
    for voxel in np.ndindex(labels.shape):
        nearest = min((np.hypot.reduce(np.subtract(voxel, b)) for b in boundary), default=np.inf)
        expected[voxel] = np.tanh(nearest / 9) * (-1 if is_instance(labels[voxel]) else 1)
    distances = sdt.target(labels)
    assert distances.dtype == np.float32
    known = labels < IGNORED
    np.testing.assert_allclose(distances[0][known], expected[known], atol=1e-6)


def test_signed_distances_of_a_volume_do_not_change_with_what_lies_beyond_it():
    labels = np.zeros((7, 6, 5), np.uint32)
    labels[1:, 2:5, 1:4] = 1
    wide = np.pad(labels, [(3, 1), (0, 4), (2, 2)], constant_values=OUTSIDE)
    np.testing.assert_array_equal(sdt.target(wide)[:, 3:10, :6, 2:7], sdt.target(labels))
    assert np.isfinite(sdt.target(np.full((3, 3, 3), OUTSIDE))).all()


@given(labels_with_outside)
def test_affinities_equal_a_loop_over_voxels(labels):
    kept = np.zeros(labels.shape, np.uint32)
    for voxel in np.ndindex(labels.shape):
        if is_instance(labels[voxel]) and not eroded_away(labels, voxel, 1):
            kept[voxel] = labels[voxel]
    expected = np.zeros((3, *labels.shape), int)
    for voxel in np.ndindex(labels.shape):
        for axis in range(3):
            before = tuple(p - (a == axis) for a, p in enumerate(voxel))
            if min(before) >= 0 and kept[voxel] > 0 and kept[before] == kept[voxel]:
                expected[(axis, *voxel)] = 1
            pair = {voxel: before, before: voxel} if min(before) >= 0 else {}
            if any(kept[one] > 0 and labels[other] == IGNORED for one, other in pair.items()):
                expected[(axis, *voxel)] = UNKNOWN
    np.testing.assert_array_equal(affinities.target(labels), expected)
    np.testing.assert_array_equal(affinities.foreground(labels)[0], [[[is_instance(v) for v in r] for r in p] for p in labels])  # fmt: skip


def test_touching_nuclei_are_more_than_one_voxel_apart_in_affinities():
    labels = np.repeat(np.uint32([1, 2]), 6)[np.newaxis, np.newaxis] * np.ones((8, 8, 1), np.uint32)
    assert affinities.target(labels)[2, 4, 4].tolist() == [0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1]


@given(labels_with_outside)
@settings(max_examples=25)
def test_blobs_equal_a_loop_over_voxels(labels):
    centers = list(centers_of(labels).values())
    expected = np.zeros(labels.shape)
    for voxel in np.ndindex(labels.shape):
        squares = [((center - voxel) ** 2).sum() for center in centers]
        expected[voxel] = max((np.exp(-square / (2 * 2**2)) for square in squares), default=0)
    np.testing.assert_allclose(gauss.target(labels)[0], expected, atol=1e-5)


def test_a_blob_peaks_at_its_center_and_ends():
    labels = np.zeros((31, 31, 31), np.uint32)
    labels[14:17, 14:17, 14:17] = 9
    blob = gauss.target(labels)[0]
    assert (blob[15, 15, 15], blob[15, 15, 17]) == (1, pytest.approx(np.exp(-0.5)))
    assert blob[0].max() == 0


def over_greatest(labels, most, least):
    """Distances over the greatest of the instance, where these are the same whether `IGNORED` ends an instance or not."""
    expected = np.zeros(labels.shape)
    for label in filter(is_instance, np.unique(labels)):
        own = labels == label
        thin = np.mean([is_between(labels, voxel) for voxel in np.argwhere(own)])
        known = own & (np.isclose(most, least) | (thin > 0.5))
        expected[own] = np.where(known, most / most[own].max(), UNKNOWN)[own]
        if not known.any() or most[known].max() < most[own].max() - 1e-6:
            expected[own] = UNKNOWN
    return expected


def is_between(labels, voxel):
    """Whether the neighbours of a voxel on both sides along an axis are not known, and one of them not annotated."""
    for step in np.eye(3, dtype=int):
        pair = [tuple(voxel + way * step) for way in (-1, 1)]
        if all(min(each) >= 0 and all(np.less(each, labels.shape)) for each in pair):
            pair = [labels[each] for each in pair]
            if min(pair) >= IGNORED and IGNORED in pair:
                return True
    return False


@given(labels_with_outside)
def test_depths_equal_a_loop_over_voxels(labels):
    def distances(given):
        boundary = [v for v in np.ndindex(labels.shape) if is_instance(given[v]) and eroded_away(given, v, 3)]
        found = np.zeros(labels.shape)
        for voxel in np.ndindex(labels.shape):
            nearest = min((np.hypot.reduce(np.subtract(voxel, b)) for b in boundary), default=np.inf)
            found[voxel] = 1 + min(nearest, max(labels.shape))
        return found

    expected = over_greatest(labels, distances(labels), distances(np.where(labels == IGNORED, np.uint32(0), labels)))
    depths = edt.target(labels)
    assert depths.dtype == np.float32
    np.testing.assert_allclose(depths[0], expected, atol=1e-6)


def test_depths_beside_what_is_not_annotated_are_not_learned():
    """A nucleus of 8 voxels along x with an unlabelled neighbour, which ends it in truth."""
    labels = np.zeros((11, 11, 20), np.uint32)
    labels[2:9, 2:9, 2:10], labels[4:7, 4:7, 10:18] = 1, IGNORED
    for target in (edt.target, nedt_border.depths):
        found, alone = target(labels)[0], target(np.where(labels == IGNORED, np.uint32(0), labels))[0]
        unknown = found == UNKNOWN
        assert (found[5, 5, 9], alone[5, 5, 9]) == (UNKNOWN, alone[3, 3, 9])
        np.testing.assert_array_equal(found[~unknown], alone[~unknown])
        assert 0 < unknown.sum() < 40
        # The greatest distance of one that is cut may be in the part that is not annotated.
        cut = labels.copy()
        cut[:, :, 5:] = IGNORED
        assert (target(cut)[0][cut == 1] == UNKNOWN).all()
        # Of a single plane, its own distances are learned.
        plane = np.full(labels.shape, IGNORED)
        plane[5] = np.where(labels[5] == IGNORED, np.uint32(0), labels[5])
        np.testing.assert_array_equal(target(plane)[:, 5:6], target(plane[5:6]))
        assert target(plane).max() == 1


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_depths_are_those_of_each_nucleus_by_itself(seed):
    labels = blobs((20, 20, 20), 8, seed)
    expected = np.zeros(labels.shape)
    for label in np.unique(labels[labels > 0]):
        boundary = (labels == label) & (threeclass.target(labels)[0] == threeclass.BOUNDARY)
        depths = 1 + ndimage.distance_transform_edt(~boundary)
        expected[labels == label] = (depths / depths[labels == label].max())[labels == label]
    np.testing.assert_allclose(edt.target(labels)[0], expected, atol=1e-5)


HEADS = {head.name: head for method in METHODS.values() for head in method.heads} | {
    name: task.head for name, task in AUXILIARY.items() if not isinstance(task.head.target, FromRaw)
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("part", [np.s_[2:9, 0:30, 5:6], np.s_[0:0, 1:2, 0:4], np.s_[3:, :8, -7:]])
def test_a_part_of_a_target_is_cut_out_of_the_whole(head, part):
    labels = blobs((20, 30, 30), 20, seed=3)
    labels[:, :2], labels[:, 2:5, :9] = OUTSIDE, IGNORED
    np.testing.assert_array_equal(head.target(labels, part), head.target(labels)[(slice(None), *part)])


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@given(labels_with_outside, st.sampled_from(list(transforms(range(3), range(3)))))
def test_targets_move_along_with_the_labels_as_their_head_says(head, labels, transform):
    expected = transform_channels(head.target(labels), head.transforms_as, transform)
    found = head.target(transform(labels))
    known = transform(labels) < IGNORED
    np.testing.assert_allclose(found[:, known], expected[:, known], atol=1e-5)


@pytest.mark.parametrize("name", [name for name, head in HEADS.items() if head.context and not head.whole_instances])
def test_the_context_is_all_that_a_target_depends_on(name):
    """Whatever lies farther away than the context changes nothing."""
    head = HEADS[name]
    shape = (14, 14, 14 + 2 * head.context + 10)
    one, other = blobs(shape, 12, seed=5), blobs(shape, 12, seed=6)
    middle = slice(head.context, -head.context)
    other[..., 5:-5] = one[..., 5:-5]
    patches = [head.target(labels)[..., 5:-5][..., middle].astype(float) for labels in (one, other)]
    np.testing.assert_allclose(*patches, atol=1.1e-4)
