"""Decoding with many parameter sets at once, against decoding with each by itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auxcpvloss.methods import METHODS, decode_sets
from tests.methods.test_decoders import THRESHOLDS, WATERSHED, maps, smooth

STRICT = {"affinities": (0.3, 0.9), "threeclass": (0.3, 0.9), "sdt": (0.2, -0.1), "nedt_border": (0.02, 0.2)}
PROBABILITIES = [name for name in WATERSHED if not name.startswith(("sdt", "nedt"))]


@st.composite
def parameter_sets(draw, name):
    """Sets of a method, of which some share thresholds; parameters may be of no effect."""
    base, sets = METHODS[name].base, []
    for _ in range(draw(st.integers(1, 6))):
        chosen = {
            "fg_thresh": draw(st.sampled_from([THRESHOLDS[base]["fg_thresh"], *STRICT[base]])),
            "seed_thresh": draw(st.sampled_from([THRESHOLDS[base]["seed_thresh"], *STRICT[base]])),
            "flood": draw(st.sampled_from(["foreground", "volume"])),
            "num_dilations": draw(st.integers(0, 3)),
            "min_size": draw(st.sampled_from([0, 1, 6])),
        }
        if base == "nedt_border":
            chosen |= {"seed_erosions": draw(st.integers(0, 1)), "min_seed_size": draw(st.sampled_from([0, 5]))}
            chosen |= {"tolerance": draw(st.sampled_from([0.01, 0.1])), "max_size": draw(st.sampled_from([0, 30]))}
        if METHODS[name].auxiliary:
            chosen |= {"use_cpv_for_seeds": draw(st.booleans()), "cpv_thresh": draw(st.sampled_from([1, 3]))}
            chosen |= {"seeds": draw(st.sampled_from(["interior", "votes", "both"]))}
            chosen |= {"assign": draw(st.sampled_from(["watershed", "vectors", "both"]))}
            chosen |= {"vote_width": draw(st.sampled_from([0.2, 0.5])), "vote_fraction": draw(st.sampled_from([0.05, 0.3]))}  # fmt: skip
        sets.append(METHODS[name].params(**chosen))
    return sets


@pytest.mark.parametrize("name", WATERSHED)
@given(st.data(), smooth, st.sampled_from([np.float32, np.float16]))
@settings(max_examples=12)
def test_many_sets_decode_as_each_by_itself(name, data, case, dtype):
    sets = data.draw(parameter_sets(name))
    prediction = {head: each.astype(dtype) for head, each in maps(METHODS[name], *case).items()}
    found = {}
    for params, labels in decode_sets(prediction, sets):
        assert params not in found
        found[params] = labels.copy()
        # What is done to one result changes no other.
        labels[:] = 7
    assert found.keys() == set(sets)
    for params, labels in found.items():
        np.testing.assert_array_equal(labels, params.decode(prediction))


def test_sets_of_points_are_decoded_too():
    prediction = maps(METHODS["gauss"], 0, (6, 7, 8))
    sets = [METHODS["gauss"].params(gauss_thresh=threshold) for threshold in (0.2, 0.8)]
    for params, labels in decode_sets(prediction, sets):
        np.testing.assert_array_equal(labels, params.decode(prediction))


@pytest.mark.parametrize("name", PROBABILITIES)
@given(
    st.integers(0, 2**32 - 1),
    st.one_of(st.floats(0, 1, exclude_min=True, exclude_max=True), st.sampled_from([1e-7, 1e-5, 0.5, 1 - 1e-7])),
    st.sampled_from([0.1, 3, 100]),
)
@settings(max_examples=40)
def test_no_voxel_of_the_foreground_is_passed_over(name, seed, threshold, scale):
    method, rng = METHODS[name], np.random.default_rng(seed)
    params = method.params(fg_thresh=threshold)
    # Some are at the threshold.
    at = np.float32(np.log(threshold) - np.log1p(-threshold))
    voxels = {
        head.name: (at + scale * rng.normal(size=(head.channels, 500)) * rng.choice([0, 1e-6, 1], 500)).astype(
            np.float32
        )
        for head in method.heads
    }
    for head in voxels.values():
        head[:, ::2] -= head[0, ::2] - at * (np.arange(len(head))[:, np.newaxis] == 1)
    is_foreground = params.is_foreground(params.find_basins(voxels))
    assert not (is_foreground & ~params.may_be_foreground(voxels)).any()
