"""Volumes on grids of other voxels, and voxels that differ from those of the training."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_cdt
from skimage.transform import resize

from auxcpvloss.data.grids import Grid, interpolate, move_labels, move_marks, move_points, nearest
from auxcpvloss.data.voxel_sizes import mismatch
from tests.conftest import blobs

FINE = Grid((12, 20, 30), (1.0, 0.5, 0.5), (3.0, 0.0, -1.0))
COARSE = Grid((12, 10, 15), (1.0, 1.0, 1.0), (3.0, 0.25, -0.75))


def test_a_grid_of_other_voxels_covers_the_same_space():
    assert FINE.at((1.0, 1.0, 1.0)) == COARSE
    assert COARSE.at((1.0, 0.5, 0.5)) == FINE
    assert FINE.at((1.0, 0.50001, 0.5)) == FINE
    assert Grid((7, 9, 9), (2.4, 1.0, 1.0)).at((0.5, 1.0, 1.0)).shape == (34, 9, 9)
    assert Grid((3, 3, 3), (1.0, 1.0, 1.0)).at((9.0, 9.0, 9.0)).shape == (1, 1, 1)
    assert Grid((1, 10, 10), (5.0, 1.0, 1.0)).at((2.0, 2.0, 2.0)) == Grid((1, 5, 5), (2.0, 2.0, 2.0), (0, 0.5, 0.5))
    assert FINE.padded((1, 2, 0)) == Grid((14, 24, 30), (1.0, 0.5, 0.5), (2.0, -1.0, -1.0))


@pytest.mark.parametrize(("here", "there"), [(FINE, COARSE), (COARSE, FINE), (FINE, FINE.at((2.0, 2.5, 0.5)))])
def test_images_are_those_of_scikit_image(here, there):
    image = np.random.default_rng(0).random(here.shape, np.float32)
    grows = bool(np.any(np.array(there.voxel_size) > here.voxel_size))
    expected = resize(image, there.shape, order=1, mode="edge", anti_aliasing=grows)
    assert interpolate(image, here, there) == pytest.approx(expected, abs=1e-5)


def test_labels_on_a_finer_grid_come_back_as_they_were():
    labels = blobs(COARSE.shape, 8, seed=1).astype(np.uint32)
    fine = move_labels(labels, COARSE, FINE.padded((2, 3, 4)))
    assert (fine[2:-2, 3:-3, 4:-4] == labels.repeat(2, axis=1).repeat(2, axis=2)).all()
    assert (move_labels(fine, FINE.padded((2, 3, 4)), COARSE) == labels).all()


@pytest.mark.parametrize("factor", [0.21, 0.7, 1.0, 1.3, 2.6])
def test_labels_come_back_to_less_than_a_voxel(factor):
    labels = np.zeros((24, 30, 30), np.int16)
    labels[4:20, 6:24, 5:26] = 7
    here = Grid(labels.shape, (1.0, 1.0, 1.0))
    there = here.at((factor,) * 3)
    back = move_labels(move_labels(labels, here, there), there, here)
    assert back.dtype == labels.dtype
    near_surface = distance_transform_cdt(labels) + distance_transform_cdt(labels == 0) <= np.ceil(factor / 2)
    assert not (back != labels)[~near_surface].any()


def test_labels_between_the_voxels_of_a_coarser_grid_are_kept():
    labels = np.zeros((9, 9, 9), np.uint32)
    labels[0, 0, 0], labels[2, 2, 2], labels[3:9, 3:9, 3:9] = 5, 6, 2**31
    labels[8, 8, 8] = 9
    here = Grid(labels.shape, (1.0, 1.0, 1.0))
    moved = move_labels(labels, here, here.at((3.0, 3.0, 3.0)))
    # 5 and 6 lie in the same voxel, of which there is one.
    assert moved.tolist()[0] == [[5, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert sorted(np.unique(moved).tolist()) == [0, 5, 9, 2**31]
    assert np.count_nonzero(moved == 2**31) == 7


def test_marks_stay_one_voxel_at_their_place():
    marks = np.zeros(COARSE.shape, np.uint32)
    marks[3, 4, 5], marks[0, 9, 14] = 2, 1
    fine = move_marks(marks, COARSE, FINE)
    assert np.argwhere(fine).tolist() == [[0, 19, 29], [3, 9, 11]]
    assert (move_marks(fine, FINE, COARSE) == marks).all()


def test_points_and_channels():
    points = np.array([[0.0, 0.0, 0.0], [3.0, 4.5, 7.25]])
    assert move_points(points, COARSE, FINE).tolist() == [[0, 0.5, 0.5], [3, 9.5, 15]]
    assert move_points(move_points(points, COARSE, FINE), FINE, COARSE) == pytest.approx(points)
    both = np.random.default_rng(0).random((2, *FINE.shape))
    assert (nearest(both, FINE, COARSE) == both[:, :, 1::2, 1::2]).all()


def test_voxels_of_another_size_or_shape_than_in_training_are_noticed():
    cubic, others = (0.5, 0.5, 0.5), [(0.5, 0.5, 0.5), (1.0, 0.5, 0.5)]
    assert mismatch(cubic, others) == mismatch((0.55, 0.46, 0.5), others) == mismatch((9.0, 9.0, 9.0), []) == ""
    assert mismatch((2.5, 2.5, 2.5), [cubic]) == (
        "its voxels are 2.5 x 2.5 x 2.5, those of the training volumes 0.5 x 0.5 x 0.5 (z y x): 5 times as large"
    )
    assert mismatch((0.5, 0.25, 0.25), [cubic]).endswith("1 (z), 0.5 (y), 0.5 (x) times as large")
    assert mismatch((9.0, 0.5, 0.5), [cubic], ndim=2) == ""
    for other in (500.0, 0.0005, 5e5):
        assert mismatch((other, other, other), [cubic]).endswith("as numbers of another unit (nm, µm, mm) would be")
    assert mismatch((50.0, 50.0, 50.0), [cubic]).endswith("100 times as large")
