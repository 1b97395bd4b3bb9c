"""Which mirror images are predicted: those of training along which the network is alike."""

import pytest

from auxcpvloss.methods.transforms import Transform
from auxcpvloss.network.architectures import geometry_of_prediction
from auxcpvloss.network.mirror_images import transforms_of, voxels_before
from auxcpvloss.system.errors import InputError
from tests.conftest import configure

FLAT = {"downsample_factors": [[1, 2, 2], [2, 2, 2]], "train_input_shape": [44, 44, 44], "test_input_shape": []}
IMAGES = {"ndim": 2, "train_input_shape": [44, 44], "test_input_shape": [], "downsample_factors": [[2, 2], [2, 2]]}


def number(augment, model=None, simple=None, voxel_size=(1, 1, 1)):
    change = {"model": model} if model else {}
    if simple is not None:
        change["training"] = {"augmentation": {"simple": simple}}
    if model is IMAGES:
        change["data"] = {"input_format": "tif", "path": ".", "voxel_size": [1, 1]}
    config = configure(prediction={"augment": augment}, **change)
    found = transforms_of(config, geometry_of_prediction(config), voxel_size)
    assert found[0] == Transform()
    assert len(set(found)) == len(found)
    return len(found)


@pytest.mark.parametrize(
    ("expected", "arguments"),
    [
        (1, ("none",)),
        (8, ("flips",)),
        (48, ("all",)),
        # Voxels, or the network, are alike along two axes only; or not known to be.
        (16, ("all", None, None, (2, 1, 1))),
        (16, ("all", FLAT)),
        (8, ("all", None, None, None)),
        # As in training.
        (4, ("flips", None, {"mirror": [1, 2]})),
        (8, ("all", None, {"mirror": [1, 2], "transpose": [1, 2]})),
        (6, ("all", None, {"mirror": []})),
        (24, ("all", {"method": "affinities"}, {"mirror": [1, 2]})),
        (4, ("flips", IMAGES)),
        (8, ("all", IMAGES)),
    ],
)
def test_mirror_images_are_those_that_training_shows(expected, arguments):
    assert number(*arguments) == expected


@pytest.mark.parametrize(("augment", "simple"), [("flips", {"mirror": []}), ("all", {"mirror": [], "transpose": []})])
def test_a_network_that_has_seen_none_is_shown_none(augment, simple):
    with pytest.raises(InputError, match=r"prediction\.augment.*simple\.mirror"):
        number(augment, simple=simple)


def test_mirrored_affinities_need_a_voxel_before_a_tile():
    def before(method, augment):
        change = {"model": {"method": method}, "training": {"augmentation": {"simple": {"mirror": [0, 2]}}}}
        return voxels_before(configure(prediction={"augment": augment}, **change))

    assert before("affinities", "flips") == (1, 0, 1)
    assert before("affinities", "none") == before("threeclass_cpv", "all") == (0, 0, 0)
