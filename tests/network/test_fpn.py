"""The feature pyramid network: what its keys make, and how its predictions fit together."""

from collections import Counter
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.debug import debug_tables
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.record_keys import TILES, relevant
from auxcpvloss.methods import METHODS
from auxcpvloss.network.architectures import (
    architecture_of,
    geometry,
    geometry_of_prediction,
    is_tiled_freely,
    tiling_of,
)
from auxcpvloss.network.architectures.encoders import APPLICATIONS
from auxcpvloss.network.compiled import build_for_prediction, new_network, predict
from auxcpvloss.network.tiling import tile_volume
from auxcpvloss.pipeline.scan import scan_volume
from auxcpvloss.stages.mknet import describe
from auxcpvloss.stages.volume.prediction import network_keys as keys_of_network
from auxcpvloss.system.errors import InputError
from tests.conftest import configure, merge

METHOD = METHODS["threeclass_cpv"]
FPN = {
    "architecture": "fpn", "padding": "same", "train_input_shape": [16, 16, 16], "test_input_shape": [],
    "num_fmaps": 2, "fmap_inc_factors": [2, 2], "num_repetitions": 1, "pyramid_fmaps": 3,
}  # fmt: skip
"""A pyramid of three levels over our own encoder."""
IMAGES = {"ndim": 2, "train_input_shape": [64, 64], "downsample_factors": [[2, 2]] * 5}


def fpn(**change):
    return configure(**merge({"model": FPN}, change))


def images(encoder, **model):
    """A pyramid over an encoder of keras.applications."""
    return fpn(model={**IMAGES, "encoder": encoder, **model}, data={"voxel_size": [1, 1]})


@given(
    axis=st.integers(0, 2),
    factors=st.lists(st.integers(1, 3), max_size=2),
    kernel=st.sampled_from([1, 3]),
    repetitions=st.integers(1, 2),
)
@settings(max_examples=4)
def test_an_output_depends_on_its_receptive_field_and_on_nothing_else(axis, factors, kernel, repetitions):
    """One axis at a time, each voxel along it changed by itself; the other axes take no part."""

    def along(value):
        return [value if a == axis else 1 for a in range(3)]

    levels = [2] * len(factors)
    keys = {"downsample_factors": [along(f) for f in factors], "kernel_size": along(kernel), "fmap_inc_factors": levels}
    keys |= {"num_repetitions": repetitions, "activation": "leaky_relu"}
    seen = geometry(fpn(model=keys | {"train_input_shape": along(int(np.prod(factors)))}).model)[axis]
    size = next(s for s in range(4 * (seen.context + seen.total_factor), 4000) if seen.output_size(s))
    model = fpn(model=keys | {"train_input_shape": along(size)}).model
    keras.utils.set_random_seed(0)
    network = architecture_of(model).build(model, METHOD.heads, tuple(along(size)), "float32", 1, False)
    raw = np.random.default_rng(0).normal(size=(1, *along(size), 1)).astype(np.float32)
    # Around the middle, at all positions of a period; others see as much.
    voxels = range(size // 2 - seen.context - seen.total_factor, size // 2 + seen.context + seen.total_factor + 1)
    same = np.repeat(raw, len(voxels), axis=0)
    before = keras.ops.convert_to_numpy(network(same)["cpv"])
    differs = np.zeros((len(voxels), size), bool)
    for change in (100, -100):
        changed = same.copy().reshape(len(voxels), size)
        changed[np.arange(len(voxels)), list(voxels)] += change
        after = keras.ops.convert_to_numpy(network(changed.reshape(same.shape))["cpv"])
        differs |= (after != before).reshape(len(voxels), size, 3).any(axis=2)
    begin = size // 2 // seen.total_factor * seen.total_factor
    periods = [np.flatnonzero(differs[:, output]) for output in range(begin, begin + seen.total_factor)]
    found = [(voxels[here[0]] - output, voxels[here[-1]] - output) for output, here in enumerate(periods, begin)]
    assert max(last - first + 1 for first, last in found) == seen.receptive_field
    assert max(max(-first, last) for first, last in found) == seen.context


def test_it_has_the_shapes_of_its_geometry_and_the_layers_of_its_keys():
    config = fpn(model={"downsample_factors": [[1, 2, 2], [2, 2, 2]], "train_input_shape": [6, 16, 24], "normalization": "group", "normalization_groups": 1, "num_repetitions": 2})  # fmt: skip
    network = new_network(config, METHOD)
    assert {name: tensor.shape[1:] for name, tensor in network.output.items()} == {"threeclass": (6, 16, 24, 3), "cpv": (6, 16, 24, 3)}  # fmt: skip
    maps = {layer.name: layer.output.shape[1:] for layer in network.layers}
    assert [maps[f"lateral_{level}"] for level in (0, 1, 2)] == [(6, 16, 24, 3), (6, 8, 12, 3), (3, 4, 6, 3)]
    assert (maps["down_1_act"], maps["bottom_2_act"]) == ((6, 8, 12, 4), (3, 4, 6, 8))
    convolutions = [*architecture_of(config.model).convolutions(config.model, (6, 16, 24), 1, 6)]
    made = [layer for layer in network.layers if getattr(layer, "kernel", None) is not None]
    expected = Counter((int(np.prod(layer.output.shape[1:4])), *(int(np.prod(layer.kernel.shape[:3])), *layer.kernel.shape[3:])) for layer in made)  # fmt: skip
    assert Counter(convolutions) == expected
    assert describe(network, config.model)["flops"] == sum(2 * int(np.prod(each)) for each in convolutions)


def whole_and_tiled(config, shape, limit):
    """Predict vectors of a random image in one piece, and in tiles of which no input is above a limit."""
    keras.utils.set_random_seed(1)
    axes, precision = geometry_of_prediction(config), config.training.precision
    raw = np.random.default_rng(0).random(shape).astype(np.float32)
    found, weights = [], None
    for most in ((1024,) * 3, limit):
        tiling = tile_volume(axes, most, shape)
        network = build_for_prediction(config, METHOD, tiling.input_shape, METHOD.heads, precision)
        weights = weights or network.get_weights()
        network.set_weights(weights)
        arrays = {head.name: np.zeros((head.channels, *shape), np.float32) for head in METHOD.heads}
        scan_volume(raw, lambda x, network=network: predict(network, x), tiling, arrays)
        found.append(arrays["cpv"])
        assert (np.prod(tiling.counts) > 1) == (most == limit)
    return found


def test_tiles_agree_with_the_whole_image():
    """Of sizes that are no multiples of the factors, either."""
    whole, tiled = whole_and_tiled(fpn(), (10, 14, 53), (64, 64, 80))
    assert whole.std() > 0.01
    np.testing.assert_allclose(tiled, whole, atol=1e-5 * np.abs(whole).max())


def test_tiles_of_an_encoder_that_sees_all_agree_nearly():
    config = images("MobileNetV3Small", downsample_factors=[[2, 2]] * 2)
    assert not is_tiled_freely(config.model)
    assert tiling_of(config, (1, 1100, 500)).tile[1:] == (368, 500)
    whole, tiled = whole_and_tiled(config, (1, 100, 250), (1, 256, 256))
    np.testing.assert_allclose(tiled, whole, atol=0.1 * whole.std())


WRONG = {
    "padding": ({"padding": "valid"}, "padding: 'valid', but a network of the architecture fpn pads"),
    "upsampling": ({"upsampling": "transposed_conv"}, "upsampling: 'transposed_conv', but"),
    "groups": ({"normalization": "group", "normalization_groups": 2}, "normalization_groups: 2 groups do not divide 3 feature maps"),
    "levels": ({"fmap_inc_factors": [2]}, "fmap_inc_factors: needs one number per entry"),
    "kernel": ({"kernel_size": [3, 2, 3]}, "kernel_size: must be odd"),
    "size": ({"train_input_shape": [16, 18, 16]}, r"train_input_shape: this network does not accept .* y: 16 or 20"),
    "unknown": ({"encoder": "ResNet5"}, "encoder: 'ResNet5' is not a known encoder; known: residual, DenseNet121"),
    "volumes": ({"encoder": "ResNet50"}, "encoder: 'ResNet50' is a network for images"),
    "stages": ({**IMAGES, "encoder": "ResNet50", "downsample_factors": [[2, 2]] * 6}, "downsample_factors: each stage of 'ResNet50' halves"),
    "odd stage": ({**IMAGES, "encoder": "ResNet50", "downsample_factors": [[2, 2], [2, 1]]}, "downsample_factors: each stage of 'ResNet50' halves"),
    "image size": ({**IMAGES, "encoder": "ResNet50", "train_input_shape": [64, 48]}, r"train_input_shape: .*along x.*x: 32 or 64"),
}  # fmt: skip


@pytest.mark.parametrize(("model", "message"), WRONG.values(), ids=WRONG)
def test_what_makes_no_such_network_is_refused(model, message):
    with pytest.raises(InputError, match=message):
        fpn(model=model, data={"voxel_size": [1, 1]} if "ndim" in model else {})


def test_deep_supervision_is_refused():
    with pytest.raises(InputError, match="the architecture fpn has no outputs at coarser levels"):
        fpn(training={"deep_supervision": True})


def test_its_keys_are_those_of_no_other_network():
    for key in ({"encoder": "residual"}, {"pyramid_fmaps": 8}):
        with pytest.raises(InputError, match=r"of the architecture fpn, and model\.architecture is 'residual_unet'"):
            configure(model={**key, "architecture": "residual_unet"})
        with pytest.raises(InputError, match=r"training\.\w+: unknown key"):
            configure(training=key)
    with pytest.raises(InputError, match=r"model\.encode: unknown key"):
        configure(model={"encode": "residual"})


def test_the_encoders_are_those_that_keras_has():
    there = {name for name in dir(keras.applications) if name[0].isupper()}
    assert {name for name in there if not name.startswith(("NASNet", "ConvNeXt"))} == set(APPLICATIONS)


@pytest.mark.parametrize("config", [fpn(model={"pyramid_fmaps": 64}), images("ResNet50")], ids=["residual", "ResNet50"])
def test_a_tiny_network_for_a_quick_look_is_one_that_can_be_made(config):
    small = load([ConfigFile("test", merge(config.model_dump(mode="json"), debug_tables(config)))]).model
    assert small.pyramid_fmaps <= min(8, config.model.pyramid_fmaps)
    assert small.encoder == config.model.encoder
    assert geometry(small)[1] == geometry(config.model)[1]


def test_keys_without_effect_make_nothing_stale():
    without = {"fmap_dec_factors": [7, 7]}
    assert relevant(network_keys(fpn(model=without))) == relevant(network_keys(fpn()))
    without |= {"num_fmaps": 7, "fmap_inc_factors": [3], "num_repetitions": 3}
    assert relevant(network_keys(images("ResNet50", **without))) == relevant(network_keys(images("ResNet50")))
    for key, value in {"num_fmaps": 7, "pyramid_fmaps": 7, "num_repetitions": 3}.items():
        assert relevant(network_keys(fpn(model={key: value}))) != relevant(network_keys(fpn()))
    tiles = {TILES: [1, 2, 3]}
    for config, are_kept in ((images("ResNet50"), True), (fpn(), False)):
        assert (TILES in relevant({"model": network_keys(config), **tiles})) == are_kept


def network_keys(config):
    return keys_of_network(Experiment(Path(), config))
