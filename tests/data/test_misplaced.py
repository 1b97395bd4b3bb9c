"""Tables of centers that are read otherwise than they were meant."""

import time

import numpy as np
import pytest

from auxcpvloss.data.check_centers import check_centers, check_points
from auxcpvloss.data.objects import measure
from auxcpvloss.system.errors import InputError

SHAPE, SIZE = (24, 60, 60), (2.0, 0.4, 0.4)
RNG = np.random.default_rng(0)


def scene(number=30):
    """Labels of boxes, an image of them with noise, and their centers."""
    labels = np.zeros(SHAPE, np.uint32)
    for label in range(1, number + 1):
        z, y, x = RNG.integers((2, 4, 4), (22, 56, 56))
        labels[z - 1 : z + 2, y - 2 : y + 3, x - 2 : x + 3] = label
    objects = measure(labels)
    centers = np.column_stack([objects.centers, objects.ids])
    return labels, (labels > 0) * 100 + RNG.integers(0, 60, SHAPE), centers, objects


LABELS, IMAGE, CENTERS, OBJECTS = scene()
EXCHANGED, REVERSED = CENTERS[:, [0, 2, 1, 3]], CENTERS[:, [2, 1, 0, 3]]


def table(folder, points):
    path = folder / "a.csv"
    np.savetxt(path, points, fmt="%g", delimiter=",")
    return path


def about_points(folder, points, image=IMAGE, size=SIZE):
    return check_points(table(folder, points), points, image, "train", size)


FLAT = (0.9, 0.4, 0.4)
NOISE = RNG.integers(0, 60, SHAPE)


@pytest.mark.parametrize(
    ("points", "image", "size", "reason"),
    [
        (EXCHANGED, IMAGE, (1, 1, 1), "x and y are exchanged"),
        (CENTERS * (*FLAT, 1), IMAGE, FLAT, "if they are lengths, of voxels of 0.9 x 0.4 x 0.4"),
        (CENTERS * (0.4, 0.4, 0.4, 1), NOISE, (1, 1, 1), "all points lie in the corner"),
    ],
    ids=["exchanged", "lengths", "corner"],
)
def test_points_in_the_dark_are_told_where_they_fit(tmp_path, points, image, size, reason):
    (warning,) = about_points(tmp_path, points, image, size)
    assert reason in warning


def test_points_most_of_which_fit_either_way_are_told_where_all_do(tmp_path):
    diagonal, image = CENTERS.copy(), RNG.integers(0, 60, SHAPE)
    diagonal[10:, 2] = diagonal[10:, 1]
    image[tuple(np.rint(diagonal[:, :3]).astype(int).T)] = 200
    (words,) = about_points(tmp_path, diagonal[:, [0, 2, 1, 3]], image)
    assert "100% if x and y are exchanged" in words
    assert about_points(tmp_path, diagonal, image) == []


@pytest.mark.parametrize(
    ("points", "size", "reason"),
    [(REVERSED, (1, 1, 1), "if the columns are x, y, z"), (CENTERS * (*SIZE, 1), SIZE, "if they are lengths")],
)
def test_points_outside_are_told_where_they_fit(tmp_path, points, size, reason):
    with pytest.raises(InputError, match=rf"a\.csv, line \d+: .*All points are inside {reason}"):
        about_points(tmp_path, points, size=size)


@pytest.mark.parametrize(
    ("points", "size", "reason"),
    [
        (EXCHANGED, (1, 1, 1), "x and y are exchanged"),
        (REVERSED, (1, 1, 1), "the columns are x, y, z"),
        (CENTERS * (*FLAT, 1), FLAT, "lengths, of voxels of 0.9 x 0.4 x 0.4"),
    ],
)
def test_centers_beside_their_labels_are_told_where_they_fit(tmp_path, points, size, reason):
    first = check_centers(table(tmp_path, points), points, LABELS, OBJECTS, size)[0]
    assert reason in first


def test_points_in_their_places_are_fine(tmp_path):
    assert about_points(tmp_path, CENTERS) == []
    assert check_centers(table(tmp_path, CENTERS), CENTERS, LABELS, OBJECTS, SIZE) == []
    # Few points, or an image that does not tell.
    assert about_points(tmp_path, EXCHANGED[:4]) == []
    assert about_points(tmp_path, CENTERS, RNG.integers(0, 60, SHAPE)) == []


def test_thousands_of_points_at_one_place_take_no_time(tmp_path):
    points = np.column_stack([np.tile([5.0, 7.0, 9.0], (10_000, 1)), np.arange(1, 10_001)])
    points[0, :3] = 15, 30, 30
    start = time.process_time()
    (close, *_) = about_points(tmp_path, points)
    assert "(9999 in all)" in close
    assert time.process_time() - start < 2


def test_more_points_than_there_can_be_nuclei_are_refused(tmp_path):
    points = np.column_stack([RNG.uniform(0, 23, (20_000, 3)), np.arange(20_000) + 1])
    with pytest.raises(InputError, match=r"a\.csv: 20000 points in an image of 24 x 60 x 60 voxels"):
        about_points(tmp_path, points)
