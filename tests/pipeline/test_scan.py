from functools import partial

import numpy as np
import pytest

from auxcpvloss.methods import METHODS
from auxcpvloss.network.architectures import architecture_of, geometry, geometry_of_prediction, predicting
from auxcpvloss.network.tiling import tile_volume
from auxcpvloss.pipeline.scan import scan_volume
from tests.conftest import blobs, configure, make_sample

NETWORKS = {
    "valid": {},
    "odd output": {"num_repetitions": 1, "train_input_shape": [42, 42, 42], "test_input_shape": [62, 62, 62]},
    "same": {"padding": "same", "num_fmaps": 2, "train_input_shape": [44, 44, 44], "test_input_shape": [56, 56, 56]},
    "anisotropic": {
        "kernel_size": [1, 3, 3], "downsample_factors": [[1, 2, 2], [1, 3, 2]],
        "train_input_shape": [5, 54, 44], "test_input_shape": [9, 66, 60],
    },
    "residual": {
        "architecture": "residual_unet", "padding": "same", "num_fmaps": 3, "downsample_factors": [[2, 2, 2]],
        "fmap_inc_factors": [2], "fmap_dec_factors": [2],
    },
    "batch normalization": {
        "normalization": "batch", "downsample_factors": [[2, 2, 2]], "fmap_inc_factors": [2], "fmap_dec_factors": [2],
    },
}  # fmt: skip
TILES = ([400, 400, 400], [96, 60, 72], [60, 96, 60])


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    labels = blobs((29, 47, 91), 16, seed=5)
    raw = np.random.default_rng(0).random(labels.shape) * 0.3 + 0.7 * (labels > 0)
    return make_sample(tmp_path_factory.mktemp("scan"), raw, labels)


def predict(config, sample, limit):
    """Predict with a network of random weights, the same for every tiling."""
    import keras

    from auxcpvloss.network.compiled import predict as predict_on

    model = config.model
    axes = geometry_of_prediction(config)
    limit = [max(g.nearest_inputs(size)) for g, size in zip(axes, limit, strict=True)]
    limit = [max(size, least) for size, least in zip(limit, model.test_input_shape, strict=True)]
    tiling = tile_volume(axes, tuple(limit), sample.shape)
    heads = METHODS["threeclass_cpv"].heads
    keras.utils.set_random_seed(0)
    network = architecture_of(model).build(predicting(model), heads, tiling.input_shape, "float32", 1, True)
    for average in network.non_trainable_variables:
        # As after a training: not those of a normal distribution.
        average.assign(np.random.default_rng(0).uniform(0.2, 0.5, average.shape))
    arrays = {head.name: np.full((head.channels, *sample.shape), np.nan, np.float32) for head in heads}
    scan_volume(sample.raw, partial(predict_on, network), tiling, arrays)
    return arrays, tiling


@pytest.mark.parametrize("change", NETWORKS.values(), ids=NETWORKS)
def test_a_prediction_does_not_depend_on_how_the_volume_is_tiled(change, sample):
    config = configure(model=change)
    whole, whole_tiling = predict(config, sample, TILES[0])
    assert whole_tiling.counts == (1, 1, 1)
    shapes = {whole_tiling.tile}
    for limit in TILES[1:]:
        tiled, tiling = predict(config, sample, limit)
        shapes.add(tiling.tile)
        for head, prediction in whole.items():
            assert np.isfinite(tiled[head]).all()
            assert np.abs(tiled[head] - prediction).max() <= 1e-4
            # A scale to that: were predictions all but constant, seams would hide.
            assert prediction.std() > 0.01
    assert len(shapes) == len(TILES)


@pytest.mark.parametrize("name", ["same", "residual"])
def test_a_prediction_is_what_the_network_of_training_gives(name, sample):
    """Of the whole volume, with zeros around it that are wider than what padding changes."""
    import keras

    config = configure(model=NETWORKS[name])
    model = config.model
    tiled, _ = predict(config, sample, TILES[1])
    factor, wide = geometry(model)[0].total_factor, 24
    after = [wide + -size % factor for size in sample.shape]
    raw = np.pad(sample.raw[:], [(wide, size) for size in after])
    keras.utils.set_random_seed(0)
    network = architecture_of(model).build(model, METHODS["threeclass_cpv"].heads, raw.shape, "float32", 1, False)
    outputs = network.predict_on_batch(raw[None, ..., None])
    for head, prediction in tiled.items():
        z, y, x = sample.shape
        expected = np.moveaxis(outputs[head][0, wide:][:z, wide:][:, :y, wide:][:, :, :x], -1, 0)
        np.testing.assert_allclose(prediction, expected, atol=1e-4)


@pytest.mark.parametrize("broken", [0, 5])
def test_what_cannot_be_written_ends_it(sample, broken):
    class Full:
        written = 0

        def __setitem__(self, box, data):
            self.written += 1
            if self.written > broken:
                raise OSError("full")

    model = configure().model
    tiling = tile_volume(geometry(model), (60, 60, 60), sample.shape)
    with pytest.raises(OSError, match="full"):
        scan_volume(sample.raw, lambda raw: {"raw": np.zeros((1, 1, 20, 20, 20))}, tiling, {"raw": Full()})


def test_a_volume_smaller_than_anything_is_predicted(tmp_path):
    labels = blobs((2, 1, 7), 2, seed=1)
    sample = make_sample(tmp_path, np.random.default_rng(0).random(labels.shape), labels)
    arrays, tiling = predict(configure(), sample, [60, 60, 60])
    assert tiling.counts == (1, 1, 1)
    assert np.isfinite(arrays["cpv"]).all()


def test_the_prediction_lies_over_the_image(sample):
    """A network that hands the image through gives the image back, voxel for voxel."""
    model = configure().model
    tiling = tile_volume(geometry(model), (60, 60, 60), sample.shape)

    def identity(raw):
        margin = [(size - g.output_size(size)) // 2 for g, size in zip(geometry(model), raw.shape[2:], strict=True)]
        return {"raw": raw[:, :, *(slice(m, -m) for m in margin)]}

    copy = np.zeros((1, *sample.shape), np.float32)
    progress = []
    scan_volume(sample.raw, identity, tiling, {"raw": copy}, lambda done, total: progress.append((done, total)))
    np.testing.assert_array_equal(copy[0], sample.raw[:])
    assert progress[-1] == (np.prod(tiling.counts),) * 2
