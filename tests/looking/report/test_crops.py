import numpy as np
import pytest

from auxcpvloss.looking.report.crops import MARGIN, MOST, Crop


def test_planes_are_laid_out_as_microscopists_do():
    volume = np.arange(11 * 13 * 17).reshape(11, 13, 17)
    crop = Crop.around((5, 6, 8), 5, (1.0, 1.0, 1.0), volume.shape)
    n = crop.side
    assert n == 5 + 2 * MARGIN
    z, y, x = (slice(at - 3, at + 4) for at in crop.center)
    laid = crop.cut(volume)
    np.testing.assert_array_equal(laid[:n, :n], volume[5, y, x])
    np.testing.assert_array_equal(laid[:n, n:], volume[z, y, 8].T)
    np.testing.assert_array_equal(laid[n:, :n], volume[z, 6, x])
    assert not laid[n:, n:].any()


def test_outside_the_volume_there_is_nothing():
    laid = Crop.around((0, 0, 0), 5, (1.0, 1.0, 1.0), (4, 4, 4)).cut(np.ones((4, 4, 4), np.uint8))
    assert laid[3:7, 3:7].all()
    assert laid.sum() == 3 * 16


def test_voxels_that_are_higher_than_wide_are_shown_so():
    volume = np.zeros((9, 30, 30), int)
    volume[4] = 1
    crop = Crop.around((4, 15, 15), 20, (4.0, 1.0, 1.0), volume.shape)
    n = crop.side
    assert crop.pixel == 1
    # The plane is as thick as its voxels are high.
    assert crop.cut(volume)[n:, :n].sum(axis=0).tolist() == [4] * n


def test_what_is_too_large_is_shown_smaller_and_a_plane_alone():
    crop = Crop.around((0, 500, 500), 640, (1.0, 2.0, 2.0), (1, 1000, 1000))
    assert (crop.pixel, crop.side, crop.is_plane) == (640 / MOST, MOST + 2 * MARGIN, True)
    assert crop.cut(np.ones((1, 1000, 1000))).shape == (crop.side, crop.side)


@pytest.mark.parametrize("voxel_size", [(1.0, 1.0, 1.0), (3.0, 1.0, 0.5)])
def test_points_are_where_their_voxels_are_shown(voxel_size):
    rng = np.random.default_rng(0)
    for _ in range(50):
        center, point = (tuple(rng.integers(5, 15, 3).tolist()) for _ in range(2))
        volume = np.zeros((20, 20, 20), int)
        volume[point] = 1
        crop = Crop.around(center, 12, voxel_size, volume.shape)
        laid = crop.cut(volume)
        for column, row in crop.position(np.array(point, float)):
            axis = {(False, False): 0, (False, True): 2, (True, False): 1}[(row >= crop.side, column >= crop.side)]
            if point[axis] == center[axis]:
                assert laid[int(min(row, 2 * crop.side - 1)), int(min(column, 2 * crop.side - 1))] == 1
    assert crop.position(np.add(crop.center, (0, 0, 1000.0))) == []
