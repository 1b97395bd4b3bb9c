import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auxcpvloss.config import ConfigFile, known
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.debug import changes, debug_tables
from auxcpvloss.network.shapes import AxisGeometry
from auxcpvloss.network.tiling import tile_volume
from tests.conftest import merge, shipped

SETUPS = [(app, setup) for app, setups in known().items() for setup in [None, *setups]]


@pytest.mark.parametrize(("app", "setup"), SETUPS)
def test_every_shipped_configuration_gets_tiny_and_stays_what_it_is(app, setup):
    places = shipped(app, setup)
    before = load(places)
    after = load([*places, ConfigFile("--debug_args", debug_tables(before))])
    assert (after.training.max_iterations, after.model.num_fmaps) == (4, 4)
    for name in after.model_fields_set:
        if name not in ("model", "training", "validation", "init", "pretrain"):
            assert getattr(after, name) == getattr(before, name)
    assert (after.model.method, after.model.auxiliary) == (before.model.method, before.model.auxiliary)
    assert after.model.downsample_factors == before.model.downsample_factors
    assert after.training.augmentation == before.training.augmentation
    # Once more changes nothing.
    assert (debug_tables(after), changes(after, after)) == (debug_tables(before), [])


def test_lists_of_validation_are_cut_to_two_and_all_checkpoints_taken():
    lists = {"fg_thresh": [0.1, 0.2, 0.3], "seed_thresh": [0.4], "checkpoints": [7, 9], "param_product": True}
    before = load([ConfigFile("test", {"validation": lists})])
    after = load([ConfigFile("test", merge({"validation": lists}, debug_tables(before)))])
    assert (after.validation.fg_thresh, after.validation.seed_thresh) == ([0.1, 0.2], [0.4])
    assert after.validation.checkpoints == []
    assert after.validation.param_product
    (line,) = (line for line in changes(before, after) if line.startswith("[validation]"))
    assert (
        line == "[validation] checkpoints all (was 7 9), refine never (was auto), fg_thresh 0.1 0.2 (was 0.1 0.2 0.3)"
    )


@pytest.mark.parametrize(("fmaps", "groups", "left"), [(10, 5, 1), (12, 6, 2), (16, 8, 4), (10, 2, 2)])
def test_groups_divide_the_feature_maps_that_are_left(fmaps, groups, left):
    model = {"normalization": "group", "num_fmaps": fmaps, "normalization_groups": groups}
    before = load([ConfigFile("test", {"model": model})])
    after = load([ConfigFile("test", merge({"model": model}, debug_tables(before)))])
    assert after.model.normalization_groups == left


def test_what_else_takes_long_or_cannot_fit_is_left_out():
    tables = {
        "init": {"checkpoint": "/runs/a", "skip": ["x"]},
        "training": {"validation_batches": 50},
        "optimizer": {"accumulate": 8},
    }
    before = load([ConfigFile("test", tables)])
    after = load([ConfigFile("test", merge(tables, debug_tables(before)))])
    assert (after.init.checkpoint, after.init.skip, after.training.validation_batches) == ("", ["x"], 2)
    # As many iterations as there are would change no weight.
    assert after.optimizer.accumulate == 2
    assert "[init] checkpoint none (was /runs/a)" in changes(before, after)


@settings(max_examples=20)
@given(
    factors=st.lists(st.tuples(*[st.integers(1, 3)] * 3), max_size=2),
    kernel=st.tuples(*[st.sampled_from([1, 3, 5])] * 3),
    repetitions=st.integers(1, 2),
    padding=st.sampled_from(["valid", "same"]),
)
def test_the_inputs_are_such_that_the_network_can_take(factors, kernel, repetitions, padding):
    axes = [AxisGeometry(tuple(f[a] for f in factors), kernel[a], repetitions, padding == "valid") for a in range(3)]
    shape = [next(size for size in range(300, 1000) if axis.output_size(size)) for axis in axes]
    model = {
        "downsample_factors": factors, "fmap_inc_factors": [4] * len(factors), "fmap_dec_factors": [4] * len(factors),
        "kernel_size": kernel, "num_repetitions": repetitions, "padding": padding,
        "train_input_shape": shape, "test_input_shape": shape,
    }  # fmt: skip
    before = load([ConfigFile("test", {"model": model})])
    # Shapes that do not fit are refused here.
    after = load([ConfigFile("test", merge({"model": model}, debug_tables(before)))]).model
    for axis, size in zip(axes, after.train_input_shape, strict=True):
        assert [s for s in range(1, size + 1) if (axis.output_size(s) or 0) >= 8] == [size]
    assert max(tile_volume(axes, after.test_input_shape, (96, 96, 96)).counts) <= 2
