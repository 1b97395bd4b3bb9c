"""The setups that come with the program."""

import pytest

from auxcpvloss.config import ConfigFile, dump, flat, known
from auxcpvloss.config.places import config_folder
from auxcpvloss.experiment.configuration import load
from auxcpvloss.methods import METHODS, RELEASED, method_of
from tests.conftest import shipped

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
    return load(shipped(app, setup))


@pytest.mark.parametrize(("app", "methods"), [("synthetic", METHODS), ("l1", RELEASED)])
def test_there_is_a_setup_for_every_method(app, methods):
    assert sorted(method_of(load_setup(app, setup)).name for setup in known()[app]) == sorted(methods)


@pytest.mark.parametrize(("app", "setup"), SETUPS)
def test_a_setup_holds_only_what_differs(app, setup):
    data, *files = shipped(app, setup)
    name = method_of(load_setup(app, setup)).name
    before = dict(flat(dump(load([data, ConfigFile("test", {"model": {"method": name}})]))))
    for file in files:
        for key, value in flat(file.tables):
            assert key in ("model.method", "model.auxiliary") or before[key] != value, f"{file.name}: {key}"
            before[key] = value


CPV = {"validation.cpv_thresh": [20, 40, 70]}
SDT_CPV = CPV | {"model.loss_cpv_coeff": 0.2, "training.max_iterations": 2000, "training.checkpoints": 1000}


@pytest.mark.parametrize(("alone", "tasks", "expected"), [
    ("affinities", ["cpv"], CPV), ("threeclass", ["cpv"], CPV), ("sdt", ["cpv"], SDT_CPV), ("sdt", ["cpv", "edt"], SDT_CPV), ("gauss", ["edt"], {}),
    ("nedt_border", ["cpv"], CPV), ("threeclass_outer", ["edt"], {}),
])  # fmt: skip
def test_a_setup_and_auxiliary_tasks_are_put_together(alone, tasks, expected):
    added = ConfigFile("test", {"model": {"auxiliary": tasks}})
    plain = dict(flat(dump(load([*shipped("synthetic", alone), added]))))
    whole = dict(flat(dump(load_setup("synthetic", "_".join([alone, *tasks])))))
    assert {key: value for key, value in whole.items() if value != plain[key]} == expected


def test_the_tasks_of_a_setup_of_its_own_name_are_kept():
    assert method_of(load_setup("l1", "setup_l1_05_affinities_cpv_edt")).name == "affinities_cpv_edt"


@pytest.mark.parametrize("setup", SELECTED)
def test_what_the_paper_selected_can_be_selected(setup):
    config = load_setup("l1", setup)
    for key, values in SELECTED[setup].items():
        if key == "iterations":
            saved = range(config.training.checkpoints, config.training.max_iterations + 1, config.training.checkpoints)
            assert set(values) <= set(saved)
        else:
            assert set(values) <= set(getattr(config.validation, key))


@pytest.mark.parametrize("setup", SELECTED)
def test_dilations_and_the_weight_of_distances_are_those_of_the_paper(setup):
    config = load_setup("l1", setup)
    if config.model.method != "gauss":
        assert config.postprocessing.num_dilations == (0 if "3class" in setup else 1)
    if config.model.method == "sdt":
        assert config.coefficient("sdt") == 100


def test_the_ready_made_augmentation_is_the_published_pipeline_and_can_be_added_to_other_files():
    file = ConfigFile.read(config_folder() / "augmentation" / "hitif.toml")
    config = load([file, ConfigFile("mine", {"model": {"method": "threeclass"}, "training": {"batch_size": 16}})])
    assert config.model.train_input_shape == (1, 256, 256)
    augmentation = config.training.augmentation
    on = {name for name, table in augmentation.tables().items() if table.is_on}
    noise = ("impulse_noise", "poisson_noise", "gaussian_noise", "dropout")
    blur = ("gaussian_blur", "median_blur")
    assert on == {"zoom", "simple", "clahe", *noise, *blur}
    assert augmentation.one_of == [(noise, blur)]
    assert {len(load([file, ConfigFile("mine", {"training": {"augmentation": {"without": [name]}}})]).training.augmentation.applied().one_of) for name in ("blur", "noise")} == {1}  # fmt: skip
