"""Blind spots against their definition, voxel by voxel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.methods.blind_spots import BlindSpots, spread
from tests.conftest import configure

shapes = st.tuples(st.integers(1, 12), st.integers(2, 24), st.integers(2, 24))
extents = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
seeds = st.integers(0, 2**32 - 1)


def numbered(shape):
    """An image whose voxels all differ: a value tells where it is from."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def hidden_with(center, extent, shape):
    """The voxels of a cross, in the image."""
    for axis in range(3):
        for step in range(-extent[axis], extent[axis] + 1):
            place = list(center)
            place[axis] += step
            if 0 <= place[axis] < shape[axis]:
                yield tuple(place)


@given(shapes, extents, st.integers(1, 6), st.floats(0.002, 0.1), seeds)
def test_every_hidden_voxel_has_a_value_from_nearby_and_no_other_is_changed(shape, extent, radius, share, seed):
    image = numbered(shape)
    corrupted, spots = BlindSpots(share, radius, extent)(image, np.random.default_rng(seed))
    assert (image == numbered(shape)).all()
    assert spots.sum() == max(1, round(share * image.size))
    crosses = {tuple(center): set(hidden_with(center, extent, shape)) for center in np.argwhere(spots)}
    hidden = set().union(*crosses.values())
    for place in map(tuple, np.argwhere(corrupted != image)):
        assert place in hidden
    for place in hidden:
        source = np.array(np.unravel_index(int(corrupted[place]), shape))
        # A spot by its own window, whatever is hidden with others; what is hidden with several, by one of theirs.
        centers = [place] if spots[place] else [center for center, cross in crosses.items() if place in cross]
        assert any(
            tuple(source) not in crosses[center] and (np.abs(source - center) <= radius).all() for center in centers
        )


def test_all_voxels_nearby_are_as_likely():
    """Also at a corner, where the window is cut."""
    counts, draw = np.zeros((4, 5)), BlindSpots(1e-9, 2, (0, 0, 1))
    rng, image = np.random.default_rng(0), numbered((1, 4, 5))
    for _ in range(6000):
        corrupted, spots = draw(image, rng)
        if spots[0, 0, 0]:
            counts.reshape(-1)[int(corrupted[0, 0, 0])] += 1
    assert (counts[:3, :3] > 0).tolist() == [[False, False, True], [True] * 3, [True] * 3]
    assert counts.sum() == counts[:3, :3].sum()
    drawn = counts[counts > 0]
    assert drawn.min() > 0.5 * drawn.mean()


@given(shapes, st.floats(0, 0.2), seeds)
def test_spots_are_different_voxels(shape, share, seed):
    number = max(1, round(share * np.prod(shape)))
    assert len(np.unique(spread(shape, number, np.random.default_rng(seed)))) == number


def test_all_voxels_are_as_likely_to_be_spots():
    rng = np.random.default_rng(0)
    often = np.bincount(np.concatenate([spread((1, 6, 7), 5, rng) for _ in range(2000)]), minlength=42) / 2000
    assert often == pytest.approx(5 / 42, abs=0.06)


@pytest.mark.parametrize("shape", [(1, 96, 96), (20, 30, 40), (2, 60, 60)])
def test_spots_are_spread(shape):
    """More evenly than by chance: the number in a part of the image varies less."""
    number, rng = round(np.prod(shape) * 0.01), np.random.default_rng(0)
    parts = [(slice(None), slice(0, shape[1] // 2), slice(0, shape[2] // 2)), (slice(None), slice(10, 25))]
    for part in parts:
        inside = np.zeros(shape, bool)
        inside[part] = True
        share = inside.mean()
        counts = [inside.reshape(-1)[spread(shape, number, rng)].sum() for _ in range(200)]
        assert np.mean(counts) == pytest.approx(share * number, rel=0.03)
        assert np.var(counts) < 0.5 * number * share * (1 - share)


def test_an_image_draws_within_its_plane():
    corrupted, spots = BlindSpots(0.05, 5, (4, 0, 0))(numbered((1, 40, 40)), np.random.default_rng(0))
    assert corrupted.max() < 1600
    assert ((corrupted != numbered((1, 40, 40))) == spots).all()


def test_the_same_generator_gives_the_same_spots():
    one, two, other = (
        BlindSpots(0.01, 5, (0, 0, 2))(numbered((8, 20, 20)), np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert all((a == b).all() for a, b in zip(one, two, strict=True))
    assert (one[1] != other[1]).any()


def test_a_line_has_no_surroundings():
    with pytest.raises(ValueError, match="surroundings"):
        BlindSpots(0.01, 5, (0, 0, 5))(numbered((1, 1, 9)), np.random.default_rng(0))


def test_two_numbers_are_meant_within_an_image():
    still = {"elastic": {"jitter_sigma": [0, 0], "rotation_min": 0, "rotation_max": 0}, "simple": {"transpose": []}}
    model = {"method": "noise2void", "ndim": 2, "blind_extent": [0, 4], "train_input_shape": [44, 44]}
    config = configure(model=model, data={"synthetic": {"shape": [1, 40, 60]}}, training={"augmentation": still})
    assert BlindSpots.by(config) == BlindSpots(0.00784, 5, (0, 0, 4))
