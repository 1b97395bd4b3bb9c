"""Encoders of keras.applications: what they compute, and with which weights they begin."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.utils import file_utils

from auxcpvloss.methods import method_of
from auxcpvloss.network.architectures.application import application, application_features
from auxcpvloss.network.architectures.unet import MOMENTUM
from auxcpvloss.network.batch import Batch
from auxcpvloss.network.compiled import new_network, prediction_network
from auxcpvloss.network.encoder_weights import take_encoder
from auxcpvloss.network.exported import exported_network, write_onnx
from auxcpvloss.network.trainer import Trainer
from auxcpvloss.system.errors import InputError
from tests.conftest import configure, merge
from tests.network.small import train
from tests.network.test_fpn import METHOD, images

SMALL = "MobileNet"
ONE_STAGE = {"downsample_factors": [[2, 2]], "train_input_shape": [16, 16], "pyramid_fmaps": 4}
INTENSITIES = {"ResNet50": lambda x: 255 * x - [103.939, 116.779, 123.68], "MobileNetV2": lambda x: 2 * x - 1}
"""What the encoders were trained on, by their publications."""


def small(**change):
    return images(SMALL, **merge(ONE_STAGE, change))


@pytest.fixture(scope="module")
def original():
    """An encoder whose statistics are not those of a new one, either."""
    keras.utils.set_random_seed(5)
    network = application(SMALL)
    rng = np.random.default_rng(0)
    network.set_weights([weight + rng.uniform(0, 0.1, weight.shape) for weight in network.get_weights()])
    return network


@pytest.fixture(scope="module")
def file(original, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "encoder.weights.h5"
    original.save_weights(path)
    return path


def weights(network, encoder: bool):
    return {x.name: x.get_weights() for x in network.layers if x.weights and ("encoder_" in x.name) == encoder}


def same(one, other) -> bool:
    return all(np.array_equal(a, b) for name in one for a, b in zip(one[name], other[name], strict=True))


@pytest.mark.parametrize("encoder", INTENSITIES)
def test_features_are_those_of_the_network_in_keras(encoder):
    """Of a gray image of 0..1, given as the intensities that it was trained on; at strides of 2 to 32."""
    keras.utils.set_random_seed(3)
    original = application(encoder)
    raw = keras.Input((1, 64, 96, 1))
    features = application_features(encoder, raw, 5, "float32")
    assert {level: x.shape[1:4] for level, x in features.items()} == {n: (1, 64 >> n, 96 >> n) for n in range(1, 6)}
    network = keras.Model(raw, features)
    network.set_weights(original.get_weights())
    image = np.random.default_rng(0).random((1, 1, 64, 96, 1)).astype(np.float32)
    found = keras.ops.convert_to_numpy(network(image)[5])
    rgb = INTENSITIES[encoder](np.repeat(image[:, 0], 3, axis=-1)).astype(np.float32)
    expected = keras.ops.convert_to_numpy(original(rgb))
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-4 * expected.max())


def test_weights_of_a_file_are_taken_over_bitwise(original, file, tmp_path):
    """Of the stages that the network has, in files of Keras 3 and of earlier versions; by each of several networks."""
    config = small(networks="separate", method="affinities", auxiliary=[])
    heads = method_of(config).heads
    network = new_network(config, method_of(config))
    rest = weights(network, encoder=False)
    there = {f"encoder_{name}": values for name, values in weights(original, encoder=False).items()}
    for path in (file, tmp_path / "encoder.h5", tmp_path / "encoder.keras"):
        if path != file:
            original.save(path)
        loaded = take_encoder(network, config.model, path)
        taken = weights(network, encoder=True)
        assert len(taken) == 6 * len(heads) < len(there)
        for head in heads:
            its = {
                name.removeprefix(f"{head.name}_"): each for name, each in taken.items() if name.startswith(head.name)
            }
            assert same(its, there)
        assert same(weights(network, encoder=False), rest)
        assert (set(loaded.layers), set(loaded.left), loaded.checksum) == (set(taken), set(rest), "")
        assert loaded.weights == sum(value.size for values in taken.values() for value in values)
        for layer in network.layers:
            layer.set_weights([0 * weight if layer.name in taken else weight for weight in layer.get_weights()])


def batch(number: int) -> Batch:
    rng = np.random.default_rng(number)
    shape = (1, 1, 1, 16, 16)
    targets = {"threeclass": rng.integers(0, 3, shape), "cpv": rng.normal(0, 3, (1, 3, *shape[2:]))}
    return Batch(rng.random(shape).astype(np.float32), targets, np.full(shape, 2, np.uint8))


def test_the_encoder_is_frozen_first_and_trained_then_and_each_time_alike(file, tmp_path):
    """Frozen are its moving statistics, too; a training that was interrupted goes on as the other."""
    config = configure(**merge(small().model_dump(mode="json"), {"init": {"encoder_weights": str(file), "freeze_iterations": 2}}))  # fmt: skip
    trainer = Trainer(config, METHOD, file)
    trainer.freeze(0, trainer.loaded.layers)
    began, encoders = weights(trainer.network, encoder=False), [weights(trainer.network, encoder=True)]
    for iteration in (1, 2, 3):
        train(trainer, iteration, batch(iteration))
        encoders.append(weights(trainer.network, encoder=True))
        if iteration == 1:
            trainer.save(tmp_path / "1.keras")
    assert same(encoders[0], encoders[2])
    assert not any(np.array_equal(*each) for each in zip(began["merged_conv_0"], weights(trainer.network, False)["merged_conv_0"], strict=True))  # fmt: skip
    changed = {name for name in encoders[0] if not same({name: encoders[2][name]}, {name: encoders[3][name]})}
    assert {"encoder_conv1", "encoder_conv1_bn"} <= changed
    goes_on = Trainer(config, METHOD)
    goes_on.load(tmp_path / "1.keras")
    goes_on.freeze(1, trainer.loaded.layers)
    for iteration in (2, 3):
        train(goes_on, iteration, batch(iteration))
    for is_encoder in (False, True):
        assert same(weights(goes_on.network, is_encoder), weights(trainer.network, is_encoder))


def test_a_checkpoint_predicts_whatever_was_built_before_and_without_the_file(file, tmp_path):
    config = small()
    trainer = Trainer(configure(**merge(config.model_dump(mode="json"), {"init": {"encoder_weights": str(file)}})), METHOD, file)  # fmt: skip
    trainer.save(tmp_path / "0.keras")
    raw = np.random.default_rng(0).random((1, 1, 1, 16, 16)).astype(np.float32)
    expected = trainer.network(np.moveaxis(raw, 1, -1))
    for heads in (None, ["cpv"]):
        found = prediction_network(config, METHOD, (1, 16, 16), tmp_path / "0.keras", heads)(raw)
        assert set(found) == set(heads or expected)
        np.testing.assert_allclose(np.moveaxis(found["cpv"], 1, -1), expected["cpv"], atol=1e-5)


def test_mixed_precision_keeps_the_intensities_of_the_encoder_exact():
    config = configure(**merge(small().model_dump(mode="json"), {"training": {"precision": "mixed_bfloat16"}}))
    network = new_network(config, METHOD)
    of = {layer.name: layer.compute_dtype for layer in network.layers}
    assert {of["encoder_intensities"], of["heads"]} == {"float32"}
    assert {of["encoder_conv1"], of["encoder_conv1_bn"], of["lateral_1"], of["smooth_0"]} == {"bfloat16"}
    assert {variable.dtype for variable in network.weights} == {"float32"}
    # It was 0.99: trainings of some hundred iterations would end with statistics of weights from before.
    assert network.get_layer("encoder_conv1_bn").momentum == MOMENTUM


def test_a_wrong_file_is_told(file, tmp_path):
    config = images("MobileNetV2", **ONE_STAGE)
    network = new_network(small(), METHOD)
    (tmp_path / "no.h5").write_bytes(b"no")
    for path, why in ((tmp_path / "none.h5", "no such file"), (tmp_path / "no.h5", "cannot be read"), (file, "weights of MobileNetV2 without its classifier")):  # fmt: skip
        with pytest.raises(InputError, match=rf"init\.encoder_weights: .*{path.name}.*{why}"):
            take_encoder(network, config.model, path)


def test_it_is_told_what_to_download_where_the_internet_is_out_of_reach(monkeypatch, tmp_path):
    # There may be files that were downloaded before.
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    config = small()
    with pytest.raises(InputError, match=r"init\.encoder_weights: .*MobileNet.*https://storage.googleapis.com/.*/mobilenet_1_0_224_tf_no_top.h5") as told:  # fmt: skip
        take_encoder(new_network(config, METHOD), config.model, Path("imagenet"))
    assert "set init.encoder_weights to its path" in str(told.value)


def test_it_is_exported_for_inputs_of_any_size(tmp_path):
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    config, size = small(), (1, 24, 32)
    Trainer(config, METHOD).save(tmp_path / "0.keras")
    network = exported_network(config, METHOD, tmp_path / "0.keras", ["cpv"])
    write_onnx(network, tmp_path / "a.onnx")
    raw = np.random.default_rng(0).random((1, *size, 1)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(tmp_path / "a.onnx"), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: raw})
    expected = np.asarray(keras.tree.flatten(network(raw))[0])
    assert expected.shape == (1, *size, 3)
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


WRONG = {
    "other": ({"architecture": "unet"}, {"encoder_weights": "imagenet"}, r"init\.encoder_weights: needs model\.architecture = 'fpn'"),
    "residual": (small().model.model_dump(mode="json") | {"encoder": "residual", "fmap_inc_factors": [2]}, {"encoder_weights": "a.h5"}, r"init\.encoder_weights: needs"),
    "both": (small().model.model_dump(mode="json"), {"encoder_weights": "a.h5", "checkpoint": "a.keras"}, r"init\.encoder_weights: cannot be combined with init\.checkpoint"),
}  # fmt: skip


@pytest.mark.parametrize(("model", "init", "message"), WRONG.values(), ids=WRONG)
def test_weights_that_nothing_can_take_are_refused(model, init, message):
    with pytest.raises(InputError, match=message):
        configure(model=model, init=init, data={"voxel_size": [1, 1]} if model.get("ndim") else {})
