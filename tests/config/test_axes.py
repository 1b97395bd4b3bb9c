import copy

import numpy as np
import pytest

from auxcpvloss.config import ConfigFile, defaults, write
from auxcpvloss.experiment.configuration import load
from auxcpvloss.system.errors import InputError
from tests.conftest import configure


def test_images_alone_need_no_other_key():
    config = load([ConfigFile("my.toml", {"model": {"ndim": 2}})])
    assert (config.model.train_input_shape, config.model.test_input_shape) == ((1, 92, 92), ())
    assert (config.model.kernel_size, config.model.downsample_factors) == ((1, 3, 3), [(1, 2, 2), (1, 2, 2)])
    augmentation = config.training.augmentation
    assert augmentation.elastic.jitter_sigma == (0, 1, 1)
    assert augmentation.simple.mirror == augmentation.simple.transpose == [1, 2]


IN_2D = {
    "model": {
        "ndim": 2, "train_input_shape": [62, 66], "test_input_shape": [70, 70], "kernel_size": [3, 5],
        "downsample_factors": [[2, 2]], "fmap_inc_factors": [2], "fmap_dec_factors": [2],
    },
    "data": {"voxel_size": [0.5, 0.25], "padding": [4, 6]},
    "training": {"augmentation": {"elastic": {"control_point_spacing": [8, 9], "jitter_sigma": [2, 3]}}},
}  # fmt: skip


def test_two_numbers_are_those_along_y_and_x():
    config = load([ConfigFile("my.toml", IN_2D)])
    model, elastic = config.model, config.training.augmentation.elastic
    assert (model.train_input_shape, model.test_input_shape) == ((1, 62, 66), (1, 70, 70))
    assert (model.kernel_size, model.downsample_factors) == ((1, 3, 5), [(1, 2, 2)])
    assert (config.data.voxel_size, config.data.padding) == ((0.5, 0.5, 0.25), (0, 4, 6))
    assert (elastic.control_point_spacing, elastic.jitter_sigma) == ((8, 8, 9), (0, 2, 3))


@pytest.mark.parametrize("tables", [IN_2D, {"model": {"ndim": 2, "kernel_size": 5, "train_input_shape": [84, 84], "test_input_shape": [84, 84]}}, {"model": {"kernel_size": 1}}])  # fmt: skip
def test_what_is_written_out_reads_back_equal(tmp_path, tables):
    given = copy.deepcopy(tables)
    config = load([ConfigFile("my.toml", tables)])
    # What was read is not changed: the same file may be loaded again.
    assert tables == given
    write(config, tmp_path / "config.toml")
    assert load([ConfigFile.read(tmp_path / "config.toml")]) == config
    assert load([ConfigFile("my.toml", tables)]) == config
    assert defaults().tables["model"]["kernel_size"] == [3, 3, 3]


@pytest.mark.parametrize(("ndim", "kernel"), [(3, (1, 1, 1)), (2, (1, 1, 1))])
def test_a_kernel_may_be_one_number(ndim, kernel):
    assert configure(model={"ndim": ndim, "kernel_size": 1}).model.kernel_size == kernel
    five = configure(model={"ndim": ndim, "kernel_size": 5, "train_input_shape": [84, 84, 84], "test_input_shape": [84, 84, 84]})  # fmt: skip
    assert five.model.kernel_size == (np.where(ndim == 2, 1, 5), 5, 5)


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"model": {"ndim": 4}}, "my.toml: model.ndim: input should be 2 or 3, not 4"),
        ({"model": {"ndim": 2, "kernel_size": [3]}}, "model.kernel_size: has too few entries"),
        ({"model": {"ndim": 2, "kernel_size": True}}, "model.kernel_size: must be a list, not True"),
        ({"model": {"ndim": 2, "kernel_size": 4}}, "model.kernel_size: must be odd"),
        ({"model": {"ndim": 2, "downsample_factors": [2, 2]}}, "model.downsample_factors: must be a list, not"),
        ({"model": {"ndim": 2, "train_input_shape": [92, 93]}}, "(along x); the nearest valid sizes are y: 92 or 96; x: 92 or 96"),
        ({"model": {"ndim": 2}, "training": 3}, "my.toml: training: must be a table"),
        ({"model": {"ndim": 2}, "training": {"augmentation": {"simple": {"mirror": [3]}}}}, "mirror: input should be less than or equal to 2, not 3"),
        ({"data": {"voxel_size": [1, 1]}}, "data.voxel_size: needs three numbers"),
        ({"model": {"normalization": "group", "normalization_groups": 4}}, "model.normalization_groups: 4 groups do not divide 10 feature maps (num_fmaps and its factors make 10, 40, 160, 10, 40); use a divisor of 10"),
        ({"model": {"normalization": "layer"}}, "model.normalization: input should be 'none', 'group' or 'batch', not 'layer'"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(tables, expected):
    with pytest.raises(InputError) as error:
        load([ConfigFile("my.toml", tables)])
    assert expected in str(error.value)


def test_groups_matter_to_group_normalization_only():
    assert configure(model={"normalization": "batch", "normalization_groups": 3}).model.normalization_groups == 3
