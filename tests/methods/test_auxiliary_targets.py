"""Auxiliary targets against brute force over voxels; that they move along with labels is in `test_targets`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.methods import OUTSIDE
from auxcpvloss.methods.auxiliary import cpv, cpvunit, lsd, nearest, stars
from auxcpvloss.methods.transforms import RAYS, TENSOR
from tests.conftest import blobs

seeds = st.integers(0, 2**32 - 1)


def crowded(seed, shape=(12, 14, 16)):
    """Labels that touch, also large ones, some not annotated and some beyond the volume; and voxels to look at."""
    labels = blobs(shape, 12, seed)
    labels[labels == 3] = IGNORED - 1
    labels[:, :2], labels[:2, :, :5] = OUTSIDE, IGNORED
    voxels = np.argwhere((labels > 0) & (labels < IGNORED))
    return labels, voxels[np.random.default_rng(seed).permutation(len(voxels))[:20]]


@given(seeds)
def test_rays_end_where_the_instance_does(seed):
    labels, voxels = crowded(seed)
    found = stars.target(labels)
    for voxel in voxels:
        for channel, ray in enumerate(RAYS):
            steps, place = 0, voxel
            while (place >= 0).all() and (place < labels.shape).all() and labels[tuple(place)] == labels[tuple(voxel)]:
                steps, place = steps + 1, place + ray
            assert found[(channel, *voxel)] == pytest.approx(steps * np.linalg.norm(ray))
    assert (found[:, (labels == 0) | (labels >= IGNORED)] == 0).all()


@given(seeds)
def test_the_nearest_other_instance_is_found(seed):
    labels, _ = crowded(seed, (9, 14, 34))
    expected = np.zeros(labels.shape)
    for label in np.unique(labels[(labels > 0) & (labels < IGNORED)]):
        others = (labels > 0) & (labels < IGNORED) & (labels != label)
        if others.any():
            distances = ndimage.distance_transform_edt(~others)
            expected[labels == label] = np.maximum(1 - distances / 10, 0)[labels == label]
    np.testing.assert_allclose(nearest.target(labels)[0], expected, atol=1e-6)


@given(seeds)
def test_shapes_are_those_within_the_window(seed):
    labels, voxels = crowded(seed, (9, 14, 24))
    found, window = lsd.target(labels), np.exp(-0.5 * (np.arange(-15, 16) / 5) ** 2).sum() ** 3
    for voxel in voxels:
        offsets = np.argwhere(labels == labels[tuple(voxel)]) - voxel
        offsets = offsets[(np.abs(offsets) <= 15).all(axis=1)]
        weights = np.exp(-0.5 * (offsets**2).sum(axis=1) / 25)
        covariance = np.cov(offsets.T, aweights=weights, ddof=0).reshape(3, 3)
        expected = [*np.average(offsets, axis=0, weights=weights) / 5, *(covariance[ij] / 25 for ij in TENSOR)]
        np.testing.assert_allclose(found[(slice(None), *voxel)], [*expected, weights.sum() / window], atol=1e-5)
    assert (found[:, (labels == 0) | (labels >= IGNORED)] == 0).all()


@given(seeds)
def test_directions_have_length_one_but_at_the_center(seed):
    labels, _ = crowded(seed)
    vectors, units = cpv.target(labels), cpvunit.target(labels)
    lengths = np.linalg.norm(vectors, axis=0)
    np.testing.assert_allclose(np.linalg.norm(units, axis=0), np.minimum(lengths, 1), atol=1e-5)
    np.testing.assert_allclose(units * np.maximum(lengths, 1), vectors, atol=1e-4)
