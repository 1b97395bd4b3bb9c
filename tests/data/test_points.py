import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.data.points import paint_balls

SHAPE = (7, 8, 9)
PLACES = st.tuples(*(st.integers(-1, 2 * size - 1).map(lambda half: half / 2) for size in SHAPE))


@given(st.dictionaries(st.integers(1, 2**32 - 2), PLACES, max_size=6))
def test_balls_are_those_of_every_voxel_on_its_own(points):
    expected = np.zeros(SHAPE, np.uint32)
    for voxel in np.ndindex(SHAPE):
        near = [
            (np.sum(np.square(np.subtract(voxel, place))), number)
            for number, place in points.items()
            if np.sum(np.square(voxel - np.clip(np.rint(place), 0, np.array(SHAPE) - 1))) <= 4
        ]
        if near:
            expected[voxel] = min(near)[1]
    rows = [(*place, number) for number, place in points.items()]
    np.testing.assert_array_equal(paint_balls(np.array(rows, float).reshape(-1, 4), SHAPE), expected)


def test_a_ball_has_33_voxels_around_its_point():
    balls = paint_balls(np.array([[3, 4, 4, 7.0]]), SHAPE)
    assert (balls == 7).sum() == 33
    np.testing.assert_array_equal(np.argwhere(balls).mean(axis=0), [3, 4, 4])


def test_of_two_points_in_one_voxel_both_are_left():
    assert set(np.unique(paint_balls(np.array([[3, 4, 4, 1], [3, 4, 4.25, 2]]), SHAPE))) == {0, 1, 2}
