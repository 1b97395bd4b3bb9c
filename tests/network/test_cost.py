import numpy as np
import pytest

from auxcpvloss.methods import method_of
from auxcpvloss.network.architectures import architecture_of
from auxcpvloss.network.compiled import build_network
from auxcpvloss.network.cost import choices
from auxcpvloss.stages.mknet import describe
from tests.conftest import configure

SAME = {"padding": "same", "train_input_shape": [16, 16, 16], "num_repetitions": 1}
FLAT = {"train_input_shape": [44, 64, 64], "downsample_factors": [[1, 2, 2], [2, 2, 2]], "kernel_size": [1, 3, 3]}
RESIDUAL = {"architecture": "residual_unet", "fmap_inc_factors": [1, 2]}


@pytest.mark.parametrize("model", [{}, SAME, {**FLAT, "upsampling": "transposed_conv"}, RESIDUAL])
def test_the_convolutions_are_those_of_the_network(model):
    config = configure(model=model)
    method, shape = method_of(config), config.model.train_input_shape
    listed = architecture_of(config.model).convolutions(config.model, shape, method.input_channels, 6)
    flops = sum(2 * voxels * kernel * before * after for voxels, kernel, before, after in listed)
    assert flops == describe(build_network(config, method, shape), config.model)["flops"]


FPN = {"architecture": "fpn", "padding": "same", "train_input_shape": [16, 16, 16], "pyramid_fmaps": 7}


@pytest.mark.parametrize(("model", "maps"), [({}, 12), (RESIDUAL, 12), (FPN, 7)])
def test_the_least_memory_is_that_of_the_kernels_and_of_the_finest_level(model, maps):
    config = configure(model={**model, "num_fmaps": 12})
    method, shape = method_of(config), config.model.train_input_shape
    (_, weights, _), (_, level, advice) = architecture_of(config.model).least_memory(config.model, 3)
    network = build_network(config, method, shape)
    kernels = {w.path: w.shape for w in network.weights if len(w.shape) == 5}
    heads = [np.prod(size) for path, size in kernels.items() if "heads" in path]
    assert weights == 4 * (sum(map(np.prod, kernels.values())) - sum(heads) * 5 / 6)
    assert level == 4 * 3 * np.prod(shape) * maps
    assert ("model.pyramid_fmaps" in advice) == (model is FPN)


def test_large_patches_save_what_is_lost_at_their_border():
    config = configure(model={"train_input_shape": [92, 92, 92], "num_fmaps": 10})
    first, *others = choices(config.model, method_of(config))
    assert (first.shape, first.output, first.maps) == ((92, 92, 92), (52, 52, 52), 10)
    assert (first.voxel, first.step, first.weights) == (1, 1, 1)
    patches = sorted((each for each in others if each.maps == 10), key=lambda each: each.shape)
    assert [each.output[0] < 52 for each in patches] == [each.voxel > 1 for each in patches]
    assert [each.shape[0] for each in patches][-1] == 184
    of_maps = {each.maps: each for each in others if each.shape == first.shape}
    assert of_maps.keys() == {8, 12, 16}
    # Lanes that are idle with 10 maps are busy with 16.
    assert of_maps[16].step < of_maps[16].weights


def test_with_padding_and_in_images_only_what_may_change_does():
    config = configure(model=SAME)
    assert {each.shape for each in choices(config.model, method_of(config))} == {(16, 16, 16)}
    image = {"train_input_shape": [1, 92, 92], "test_input_shape": [1, 92, 92], "kernel_size": [1, 3, 3]}
    config = configure(model={**image, "ndim": 2, "downsample_factors": [[1, 2, 2], [1, 2, 2]]})
    assert {each.shape[0] for each in choices(config.model, method_of(config))} == {1}
