"""Predictions averaged over mirror images."""

from functools import partial

import numpy as np
import pytest
from scipy.special import expit, softmax

from auxcpvloss.methods.averaging import Mean
from auxcpvloss.methods.method import Head
from auxcpvloss.methods.transforms import TENSOR, transform_channels, transforms
from auxcpvloss.network.architectures import geometry_of_prediction, predicting
from auxcpvloss.network.shapes import AxisGeometry
from auxcpvloss.network.tiling import tile_together, tile_volume
from auxcpvloss.pipeline.averaged import joint_tiling, over_mirror_images, over_networks
from auxcpvloss.pipeline.scan import scan_volume
from tests.conftest import configure

ALL = list(transforms(range(3), range(3)))
BEFORE, NOTHING = AxisGeometry((2,), 3, 1, valid=True, before=1), AxisGeometry((2,), 3, 1, valid=True)


def head(name, channels, transforms_as, loss="squared_difference"):
    return Head(
        name,
        channels,
        target=lambda labels, part=None: labels,
        loss=loss,
        transforms_as=transforms_as,
    )


HEADS = [
    head("plain", 1, "scalar"),
    head("classes", 2, "scalar", "softmax"),
    head("related", 3, "affinity", "sigmoid"),
    head("slope", 3, "vector"),
    head("shape", 6, "symmetric_tensor"),
]


def smooth(array):
    """The mean over 3 x 3 x 3 voxels, where all are there."""
    for axis in range(3):
        array = sum(np.moveaxis(array, axis, 0)[i : len(np.moveaxis(array, axis, 0)) - 2 + i] for i in range(3)) / 3
        array = np.moveaxis(array, 0, axis)
    return array


def inner(array, by):
    return array[(..., *(slice(by, -by),) * 3)]


def features(raw):
    """What a network with one pooling makes of an image, mirrored or not; and one voxel more around it."""
    fine = smooth(raw)
    z, y, x = fine.shape
    coarse = smooth(fine.reshape(z // 2, 2, y // 2, 2, x // 2, 2).max(axis=(1, 3, 5)))
    return inner(fine, 2) * coarse.repeat(2, 0).repeat(2, 1).repeat(2, 2)


def network(raw, lopsided=0.0):
    """Heads that turn and mirror as the image does, but for what is `lopsided`."""
    f = features(raw[0, 0].astype(float)) * 3
    f = f + lopsided * np.roll(f, 1, axis=2) + lopsided * f**2 * np.arange(f.shape[0])[:, np.newaxis, np.newaxis] ** 0.5
    before = np.stack([np.roll(f, 1, axis) for axis in range(3)])
    slope = np.stack([np.roll(f, -1, axis) - np.roll(f, 1, axis) for axis in range(3)])
    tensor = np.stack([slope[i] * slope[j] for i, j in TENSOR])
    outputs = {"plain": f[np.newaxis], "classes": np.stack([f, 1 - f]), "related": 4 * f * before - 1, "slope": slope, "shape": tensor}  # fmt: skip
    return {name: inner(each, 1)[np.newaxis].astype(np.float32) for name, each in outputs.items()}


def predicted(image, tile, images, axes=(BEFORE,) * 3, lopsided=0.0):
    """Predict an image with tiles of an input of `tile`."""
    tiling = tile_volume(axes, (tile,) * 3, image.shape)
    arrays = {head.name: np.full((head.channels, *image.shape), np.nan, np.float32) for head in HEADS}
    one = partial(network, lopsided=lopsided)
    scan_volume(image, over_mirror_images(lambda shape: one, tiling.input_shape, HEADS, images), tiling, arrays)
    return arrays, tiling


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).random((13, 16, 11)).astype(np.float32)


def test_the_mean_of_an_equivariant_network_is_what_it_says_at_once(image):
    plain, _ = predicted(image, 22, ALL[:1], (NOTHING,) * 3)
    mean, _ = predicted(image, 22, ALL)
    for name, expected in plain.items():
        assert expected.std() > 0.01
        found = mean[name]
        if name == "classes":
            found, expected = softmax(found, axis=0), softmax(expected, axis=0)
        np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    ("images", "axes"),
    [(ALL, (BEFORE,) * 3), (list(transforms([0, 2], range(3))), (BEFORE, NOTHING, BEFORE))],
    ids=["all", "some"],
)
def test_means_do_not_depend_on_tiles(image, images, axes):
    """Also where voxels before a tile are there along the mirrored axes only."""
    whole, one = predicted(image, 60, images, axes)
    tiled, many = predicted(image, 16, images, axes)
    assert np.prod(one.counts) == 1 < np.prod(many.counts)
    for name, expected in whole.items():
        np.testing.assert_allclose(tiled[name], expected, atol=1e-5, err_msg=name)


def test_means_equal_those_of_whole_predictions_turned_back(image):
    """Of an image in zeros, whose mirror images pool the same windows; by a loop over the 48 of them."""
    # A network whose output depends on the place in its input sees each tile at the same place: here there is one.
    mean, tiling = predicted(image, 60, ALL, lopsided=0.3)
    assert tiling.counts == (1, 1, 1)
    first, size = np.array(tiling.margin), np.array(tiling.input_shape)
    padded = np.pad(image, [(b, s - b - n) for b, s, n in zip(first, size, image.shape, strict=True)])
    kept = tuple(slice(o, o + n) for o, n in zip(tiling.output_offset, image.shape, strict=True))
    for each in HEADS:
        turned = [transform_channels(network(t(padded)[None, None], 0.3)[each.name][0], each.transforms_as, t.inverse)[(slice(None), *kept)] for t in ALL]  # fmt: skip
        if each.loss == "squared_difference":
            np.testing.assert_allclose(mean[each.name], np.mean(turned, axis=0), atol=1e-5)
        else:
            normal = {"sigmoid": expit, "softmax": partial(softmax, axis=0)}[each.loss]
            np.testing.assert_allclose(normal(mean[each.name]), np.mean([normal(t) for t in turned], axis=0), atol=1e-5)


@pytest.mark.parametrize("loss", ["sigmoid", "softmax"])
def test_logits_of_any_size_keep_what_they_say(loss):
    mean = Mean(loss)
    logits = np.array([[-200, -20, 0, 20, 200], [200, 3, 0, -20, 0]], np.float32).reshape(2, 5, 1, 1)
    mean.add(logits)
    mean.add(logits)
    found = mean.result()
    assert np.isfinite(found).all()
    if loss == "sigmoid":
        np.testing.assert_allclose(found[:, 1:4], logits[:, 1:4], rtol=1e-5)
        assert np.array_equal(found > 15, logits > 15)
    np.testing.assert_allclose(softmax(found, axis=0), softmax(logits, axis=0), atol=1e-6)


NETWORKS = {
    "valid": {"train_input_shape": [28, 28, 28]},
    "same": {"padding": "same", "train_input_shape": [24, 24, 24]},
    "thirds": {"downsample_factors": [[1, 3, 3]], "kernel_size": [1, 3, 3], "train_input_shape": [5, 31, 31]},
}


@pytest.mark.parametrize("change", NETWORKS.values(), ids=NETWORKS)
def test_a_network_of_symmetric_kernels_says_the_same_of_mirror_images(change):
    """A real one: its poolings, crops and paddings are as symmetric as its kernels."""
    import keras

    from auxcpvloss.network.architectures.unet import build_unet
    from auxcpvloss.network.compiled import predict

    config = configure(model={"num_fmaps": 2, "downsample_factors": [[2, 2, 2]], "fmap_inc_factors": [2], "fmap_dec_factors": [2], "test_input_shape": []} | change, prediction={"augment": "all", "tile_memory": 0.0005})  # fmt: skip
    exchange = [1, 2] if change["train_input_shape"][0] == 5 else [0, 1, 2]
    images, heads = list(transforms(range(3), exchange)), [HEADS[1]]
    volume = np.random.default_rng(0).random((8, 8, 12)).astype(np.float32)

    def made(shape):
        keras.utils.set_random_seed(1)
        network = build_unet(predicting(config.model), heads, shape, predicting=True)
        for weight in network.weights:
            if len(weight.shape) == 5:
                turned = [t(np.moveaxis(weight.numpy(), (3, 4), (0, 1))) for t in images]
                weight.assign(4 * np.moveaxis(np.mean(turned, axis=0), (0, 1), (3, 4)))
        return partial(predict, network)

    axes = geometry_of_prediction(config)
    limit = tuple(max(axis.nearest_inputs(25)) for axis in axes)
    tiling = tile_volume(axes, limit, volume.shape)
    assert np.prod(tiling.counts) > 1
    found = {}
    for name, chosen in {"plain": images[:1], "mean": images}.items():
        found[name] = np.full((2, *volume.shape), np.nan, np.float32)
        network = over_mirror_images(made, tiling.input_shape, heads, chosen)
        scan_volume(volume, network, tiling, {"classes": found[name]})
    plain, mean = (softmax(each, axis=0) for each in found.values())
    assert plain.std() > 0.01
    np.testing.assert_allclose(mean, plain, atol=1e-5)


def shallow(raw):
    """Another network: without pooling, so that it sees less around a voxel."""
    f = smooth(smooth(raw[0, 0].astype(float)))
    return {"plain": f[None, None].astype(np.float32), "classes": np.stack([f, 0.5 - 2 * f])[None].astype(np.float32)}


def alone(image, one, geometry, tile):
    tiling = tile_volume([geometry] * 3, (tile,) * 3, image.shape)
    arrays = {head.name: np.full((head.channels, *image.shape), np.nan, np.float32) for head in HEADS[:2]}
    scan_volume(image, one, tiling, arrays)
    return arrays, tiling


@pytest.mark.parametrize("tiles", [(60, 60), (16, 60), (18, 9)])
def test_networks_that_see_more_or_less_are_averaged_tile_by_tile(image, tiles):
    axes = (NOTHING, AxisGeometry((), 3, 2, valid=True))
    (deep, of_deep), (flat, of_flat) = (alone(image, one, *each) for one, each in zip((network, shallow), zip(axes, tiles, strict=True), strict=True))  # fmt: skip
    geometries = [(axis,) * 3 for axis in axes]
    tilings = tile_together(geometries, [of_deep, of_flat], image.shape)
    assert tilings[0].tile == tilings[1].tile
    assert tilings[0].counts == tilings[1].counts
    for tiling, (axis, *_), single in zip(tilings, geometries, (of_deep, of_flat), strict=True):
        assert all(size % axis.total_factor == 0 for size in tiling.tile)
        assert np.prod(tiling.input_shape) <= np.prod(single.input_shape)
    arrays = {head.name: np.full((head.channels, *image.shape), np.nan, np.float32) for head in HEADS[:2]}
    together = over_networks([network, shallow], tilings, HEADS[:2])
    scan_volume(image, together, joint_tiling(tilings), arrays)
    np.testing.assert_allclose(arrays["plain"], (deep["plain"] + flat["plain"]) / 2, atol=1e-5)
    expected = (softmax(deep["classes"], axis=0) + softmax(flat["classes"], axis=0)) / 2
    np.testing.assert_allclose(softmax(arrays["classes"], axis=0), expected, atol=1e-5)
