"""The rules of ``configure``, functions of what was measured."""

import math
import tomllib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.config import ConfigFile
from auxcpvloss.configure import recipe
from auxcpvloss.configure.decide import Machine, decide
from auxcpvloss.configure.decision import as_tables, values
from auxcpvloss.configure.facts import Brightness, Facts
from auxcpvloss.configure.machine import iterations_in
from auxcpvloss.configure.rules.intensities import intensities
from auxcpvloss.configure.rules.network import downsampling, receptive_field
from auxcpvloss.configure.rules.splits import for_validation, group_pattern, place
from auxcpvloss.configure.rules.training import schedule, vector_weight
from auxcpvloss.configure.rules.voxels import in_target_voxels, target_voxels
from auxcpvloss.configure.write import as_text
from auxcpvloss.experiment.configuration import load
from auxcpvloss.network.bfloat16 import COARSEST

CPU = Machine("cpu", "2 cores", True)
EMBRYOS = Facts(
    ndim=3,
    volumes=22,
    nuclei=400,
    shape=(51, 120, 120),
    voxel_size=(1.75, 0.8, 0.8),
    is_mixed=False,
    extent=(14.0, 18.0, 16.0),
    interior=1.0,
    touching=0.5,
    brightness=(Brightness(0.0, 10.0, 60.0, (200.0,) * len(recipe.UPPER), 0.05),),
    are_points=False,
)
IMAGES = replace(EMBRYOS, ndim=2, shape=(1, 256, 256), voxel_size=(1.0, 1.0, 1.0), extent=(1.0, 21.0, 20.0))

lengths = st.floats(0.05, 20)
shares = st.floats(0, 1)


@st.composite
def brightness(draw):
    darkest, background, nucleus = sorted(draw(st.lists(st.floats(0, 1000), min_size=3, max_size=3)))
    upper = sorted((draw(st.floats(0, 5000)) for _ in recipe.UPPER), reverse=True)
    return Brightness(darkest, background, nucleus, tuple(upper), draw(shares))


@st.composite
def facts(draw):
    """Whatever volumes and nuclei may be like."""
    ndim = draw(st.sampled_from([2, 3]))
    plane = st.integers(8, 3000)
    shape = (1 if ndim == 2 else draw(st.integers(2, 3000)), draw(plane), draw(plane))
    are_points = draw(st.booleans())
    return Facts(
        ndim=ndim,
        volumes=1,
        nuclei=draw(st.integers(1, 10**6)),
        shape=shape,
        voxel_size=(draw(lengths), draw(lengths), draw(lengths)),
        is_mixed=draw(st.booleans()),
        extent=tuple(draw(st.floats(1, size)) for size in shape),
        interior=draw(shares),
        touching=draw(shares),
        brightness=() if are_points else tuple(draw(st.lists(brightness(), min_size=1, max_size=3))),
        are_points=are_points,
    )


def decided(facts, machine=CPU, iterations=1000):
    return list(decide(facts, machine, iterations, "as given"))


@given(facts(), st.sampled_from(["cpu", "gpu"]), st.integers(1, 10**6))
def test_any_volumes_get_a_configuration_that_is_valid(facts, device, iterations):
    decisions = decided(facts, Machine(device, "", False), iterations)
    # Raises where the network does not accept the patch.
    config = load([ConfigFile("decided", as_tables(decisions))])
    seen = in_target_voxels(facts, target_voxels(facts, device)[0])
    shape, totals = config.model.train_input_shape, np.prod(config.model.downsample_factors, axis=0)
    assert all(size <= max(total, volume) for size, total, volume in zip(shape, totals, seen.shape, strict=True))
    enough = [min(recipe.EXTENTS * e, v - t + 1) for e, v, t in zip(seen.extent, seen.shape, totals, strict=True)]
    assert all(size >= min(least, total) for size, least, total in zip(shape, enough, totals, strict=True))
    voxels = config.training.batch_size * math.prod(shape)
    needed = [
        max(recipe.EXTENTS * extent, COARSEST * total) + total
        for extent, total in zip(seen.extent, totals, strict=True)
    ]
    least = math.prod(needed)
    # Rounding to multiples may add some; large nuclei, and many levels, need more.
    assert voxels <= max(4 * recipe.VOXELS[device, facts.ndim], 2 * least)
    assert config.training.checkpoints <= config.training.max_iterations


@given(facts())
def test_the_file_says_what_was_decided(facts):
    decisions = decided(facts)
    assert tomllib.loads(as_text(decisions, ["a\nb = 1", "[c]"])) == as_tables(decisions)


@given(facts())
def test_a_voxel_sees_its_nucleus(facts):
    factors = downsampling(facts)
    most = len(factors) == recipe.LEVELS[facts.ndim][1]
    for axis, field in list(enumerate(receptive_field(factors)))[3 - facts.ndim :]:
        short = facts.shape[axis] < 8 * math.prod(level[axis] for level in factors)
        assert field >= min(recipe.FIELD * facts.extent[axis], facts.shape[axis]) or short or most


def test_embryos_get_the_network_that_was_found_by_hand():
    found = values(decided(EMBRYOS))
    assert found["model.downsample_factors"] == [[1, 2, 2], [2, 2, 2]]
    assert found["model.train_input_shape"] == [32, 64, 64]
    assert (found["training.batch_size"], found["model.method"]) == (1, "threeclass_cpv")
    assert "data.target_voxel_size" not in found
    assert not any(key.startswith("preprocessing") for key in found)


@pytest.mark.parametrize(
    ("size", "first"),
    [((4, 1, 1), (1, 2, 2)), ((1, 1, 1), (2, 2, 2)), ((1.3, 1, 1), (2, 2, 2)), ((1, 3, 3), (2, 1, 1))],
)
def test_axes_are_pooled_until_voxels_are_cubic(size, first):
    factors = downsampling(replace(EMBRYOS, voxel_size=size, shape=(200, 200, 200)))
    assert factors[0] == first
    sides = np.multiply(size, np.prod(factors, axis=0))
    assert sides.max() / sides.min() < np.max(size) / np.min(size) or first == (2, 2, 2)


def test_few_planes_are_not_pooled_away():
    factors = downsampling(replace(EMBRYOS, shape=(3, 200, 200), voxel_size=(1, 1, 1), extent=(3, 18, 18)))
    assert all(level[0] == 1 for level in factors)


def test_large_nuclei_get_more_levels_or_larger_voxels():
    images = replace(IMAGES, shape=(1, 1024, 1344), extent=(1.0, 93.0, 88.0))
    assert min(receptive_field(downsampling(images))[1:]) >= 1.5 * 93
    size, why = target_voxels(images, "cpu")
    assert size == pytest.approx((1, math.sqrt(93 * 88) / 32, math.sqrt(93 * 88) / 32))
    assert why
    # Reducing images by little is not worth it.
    assert target_voxels(replace(images, extent=(1.0, 47.0, 47.0)), "cpu")[1] == ""
    huge = replace(EMBRYOS, shape=(300, 300, 300), voxel_size=(1, 1, 1), extent=(80, 80, 80))
    size, _ = target_voxels(huge, "cpu")
    assert size[0] == size[1] == size[2] > 2
    seen = in_target_voxels(huge, size)
    assert math.prod(recipe.EXTENTS * extent for extent in seen.extent) <= 1.01 * recipe.VOXELS["cpu", 3]


def test_thin_nuclei_get_smaller_voxels_along_the_axis_where_they_are_thin():
    size, _ = target_voxels(replace(EMBRYOS, extent=(2.0, 18.0, 16.0), interior=0.1), "cpu")
    assert size == pytest.approx((1.75 / 3, 0.8, 0.8))


def test_dim_nuclei_get_a_lower_percentile_without_clipping_them():
    steps = np.linspace(1, 0.2, len(recipe.UPPER))
    dim = Brightness(0, 10, 60, tuple(1000 * steps), 0.3)
    found = values(intensities(replace(EMBRYOS, brightness=(dim,))))
    assert 90 < found["preprocessing.upper_percentile"] < 99.8
    # With few voxels in nuclei, a lower percentile would make all of them white.
    few = replace(dim, foreground=0.002)
    found = values(intensities(replace(EMBRYOS, brightness=(few,))))
    assert found == {"preprocessing.cuberoot": True}


def test_bfloat16_is_left_alone_where_little_is_to_be_convolved():
    assert values(decided(EMBRYOS))["training.precision"] == "mixed_bfloat16"
    assert values(decided(IMAGES))["training.precision"] == "mixed_bfloat16"
    assert "training.precision" not in values(decided(replace(EMBRYOS, shape=(3, 120, 120))))
    assert "training.precision" not in values(decided(EMBRYOS, Machine("cpu", "", False)))


def test_long_vectors_weigh_less():
    assert "model.loss_cpv_coeff" not in values(decided(EMBRYOS))
    assert values(decided(replace(IMAGES, extent=(1, 47, 47))))["model.loss_cpv_coeff"] == 0.18
    assert vector_weight(replace(EMBRYOS, extent=(20, 20, 40))) == pytest.approx(400 / 800)


def test_points_are_detected():
    found = values(decided(replace(EMBRYOS, are_points=True, brightness=(), extent=(7, 9, 9))))
    assert found["model.method"] == "gauss"
    assert found["evaluation.distance_limit"] == 4.5


@pytest.mark.parametrize(
    ("is_flat", "number", "keys"),
    [
        (True, 24, {"data.path": "x"}),
        (True, 4, {"data.train_data": "x", "data.num_folds": 4, "validation.fold": 1}),
        (True, 1, {"data.train_data": "x", "data.val_data": "x"}),
        (False, 1, {"data.path": "x", "data.val_data": "x"}),
        (False, 9, {"data.path": "x", "data.num_folds": 5, "validation.fold": 1}),
    ],
)
def test_volumes_for_validation_are_found(is_flat, number, keys):
    first = place("x", is_flat, number)
    more = [] if is_flat and first.key == "data.path" else for_validation("x", number, number)
    assert values([first, *more]) == keys


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["Emb01_t301", "Emb01_t351", "Emb02_t301"], "{group}_t*"),
        (["a 1-1", "a 1-2", "b-1"], "{group}-*"),
        # One group, or each its own; names without numbers, or of different kinds.
        (["dna-1", "dna-2", "dna-13"], ""),
        (["a_1", "b_1", "c_1"], ""),
        (["a_1", "a_2", "b"], ""),
        (["a_t1", "a_t2", "b_z1"], ""),
        (["00ae65", "00ae66", "10cc71"], ""),
    ],
)
def test_times_of_one_embryo_belong_together(names, pattern):
    assert group_pattern(names) == pattern


def test_iterations_are_rounded_down():
    assert iterations_in(10, 7.13) == 4200
    assert iterations_in(0.01, 1) == recipe.LEAST_ITERATIONS


@pytest.mark.parametrize(
    ("iterations", "averaged"), [(1, 1), (100, 25), (1000, 250), (2600, 650), (1_000_000, 250_000)]
)
def test_weights_are_averaged_over_a_quarter_of_the_training(iterations, averaged):
    decided = {each.key: each.value for each in schedule(iterations, "")}
    assert 1 / (1 - decided["optimizer.average"]) == pytest.approx(averaged, rel=0.05)
