"""The setups that come with the program."""

import tomllib

import pytest

from auxcpvloss.config import ConfigFile, dump, find_config, known
from auxcpvloss.experiment.configuration import load
from auxcpvloss.methods import METHODS

SETUPS = [(app, setup) for app, setups in known().items() for setup in setups]

SELECTED = {
    "setup_l1_04_sdt_onthefly": {"seed_thresh": [-0.14, -0.13], "iterations": [60000, 100000]},
    "setup_l1_08_sdt_cpv_onthefly": {"seed_thresh": [-0.14, -0.13, -0.12, -0.11], "cpv_thresh": [60, 70], "iterations": [80000, 90000, 100000, 120000, 160000, 200000]},
    "setup_l1_03_3class": {"seed_thresh": [0.7, 0.8], "fg_thresh": [0.5, 0.7, 0.95], "iterations": [100000, 200000]},
    "setup_l1_07_3class_cpv": {"seed_thresh": [0.7], "fg_thresh": [0.5, 0.9, 0.95, 0.99], "cpv_thresh": [60, 70, 80, 90, 100], "iterations": [100000, 200000, 220000, 360000, 400000]},
    "setup_l1_01_affinities": {"seed_thresh": [0.99], "fg_thresh": [0.8, 0.99], "iterations": [200000, 300000, 400000]},
    "setup_l1_05_affinities_cpv": {"seed_thresh": [0.99], "fg_thresh": [0.8, 0.95, 0.99], "cpv_thresh": [40, 50, 60, 70, 80], "iterations": [100000, 160000, 200000, 300000, 400000]},
    "setup_l1_06_gauss": {"gauss_thresh": [0.25, 0.35], "nms_size": [2, 3], "iterations": [50000, 60000, 80000]},
}  # fmt: skip
"""What validation selected in Tables 4 to 7 of the paper."""


def load_setup(app, setup):
    return load([ConfigFile.read(find_config(app)), ConfigFile.read(find_config(app, setup))])


@pytest.mark.parametrize("app", ["synthetic", "l1"])
def test_there_is_a_setup_for_every_method(app):
    assert sorted(load_setup(app, setup).model.method for setup in known()[app]) == sorted(METHODS)


def leaves(table, at=()):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, (*at, key))
        else:
            yield (*at, key), value


@pytest.mark.parametrize(("app", "setup"), SETUPS)
def test_a_setup_holds_only_what_differs(app, setup):
    path = find_config(app, setup)
    method = load_setup(app, setup).model.method
    without = dump(load([ConfigFile.read(find_config(app)), ConfigFile("test", {"model": {"method": method}})]))
    for key, value in leaves(tomllib.loads(path.read_text(encoding="utf-8"))):
        if key != ("model", "method"):
            before = without
            for part in key:
                before = before[part]
            assert before != value, f"{path}: {'.'.join(key)} is the default"


@pytest.mark.parametrize("setup", SELECTED)
def test_what_the_paper_selected_can_be_selected(setup):
    config = load_setup("l1", setup)
    for key, values in SELECTED[setup].items():
        if key == "iterations":
            saved = range(config.training.checkpoints, config.training.max_iterations + 1, config.training.checkpoints)
            assert set(values) <= set(saved)
        else:
            assert set(values) <= set(getattr(config.validation, key))


@pytest.mark.parametrize("setup", [setup for setup in SELECTED if "sdt" in setup])
def test_the_signed_distance_weighs_a_hundred_times(setup):
    assert load_setup("l1", setup).coefficient("sdt") == 100


@pytest.mark.parametrize("setup", SELECTED)
def test_dilations_are_those_of_the_paper(setup):
    config = load_setup("l1", setup)
    if config.model.method != "gauss":
        assert config.postprocessing.num_dilations == (0 if "3class" in setup else 1)
