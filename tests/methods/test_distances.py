import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from auxcpvloss.methods.distances import distances_within

shapes = st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9))


@given(shapes.flatmap(lambda shape: arrays(np.uint32, shape, elements=st.integers(0, 2))))
def test_distances_are_those_to_the_nearest_voxel_of_another_label(labels):
    found = distances_within(labels)
    places = np.argwhere(np.ones_like(labels, bool))
    flat = labels.ravel()
    between = np.linalg.norm(places[:, None] - places[None], axis=2)
    between[flat[:, None] == flat[None]] = np.inf
    np.testing.assert_allclose(found.ravel(), np.where(flat, between.min(axis=1), 0), rtol=1e-6)
    # Of a plane that is not contiguous in memory, too.
    np.testing.assert_array_equal(distances_within(np.repeat(labels, 2, axis=2)[..., ::2]), found)
