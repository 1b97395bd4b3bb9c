"""A network for each head of the method (model.networks = "separate"): as if each was trained alone."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from auxcpvloss.methods import method_of
from auxcpvloss.network.architectures import ARCHITECTURES, tiling_of
from auxcpvloss.network.architectures.build import weights_by_network
from auxcpvloss.network.architectures.networks import by_network
from auxcpvloss.network.batch import Batch
from auxcpvloss.network.compiled import build_for_prediction, build_network, new_network, take_weights
from auxcpvloss.network.cost import _convolutions, choices
from auxcpvloss.network.exported import exported_network
from auxcpvloss.network.initial import describe, last_layers, take_over
from auxcpvloss.network.trainer import Trainer
from auxcpvloss.stages.mknet import describe as describe_network
from auxcpvloss.system.errors import InputError
from tests.conftest import merge
from tests.network.small import small, train
from tests.network.test_deep_supervision import DEEP

AFFINITIES = {"method": "affinities", "auxiliary": ["cpv"]}
SHAPE = (12, 12, 12)


def configured(networks="separate", **change):
    return small(**merge({"model": {**AFFINITIES, "networks": networks}}, change))


def batch(number):
    rng, shape = np.random.default_rng(number), (1, 1, 8, 8, 8)
    targets = {"affs": rng.integers(0, 2, (1, 3, 8, 8, 8)), "fgbg": rng.integers(0, 2, shape)}
    targets["cpv"] = rng.normal(0, 3, (1, 3, 8, 8, 8))
    return Batch(rng.random(shape).astype(np.float32), targets, rng.integers(1, 3, shape).astype(np.uint8))


def run(training, first, last):
    return [train(training, iteration, batch(iteration)) for iteration in range(first + 1, last + 1)]


def single(config, network, start, path):
    """A training of the heads of one network alone, which begins with its weights."""
    method = method_of(config)
    heads = tuple(replace(head, network="") for head in by_network(method.heads)[network])
    method = replace(method, heads=heads)
    begin = new_network(config, method)
    for layer in begin.layers:
        layer.set_weights(start[f"{network}_{layer.name}"] if layer.weights else [])
    begin.save(path)
    alone = Trainer(config, method, path)
    # Of a layer that is a model itself nothing is loaded.
    alone.network.set_weights(begin.get_weights())
    return alone


def weights(network):
    return {layer.name: layer.get_weights() for layer in network.layers if layer.weights}


def nested(model, heads, shape, precision, channels, predicting):
    """An encoder that is a model itself, as those of keras.applications may be, and no joint layer of the heads."""
    inside = keras.Input((None, None, None, channels))
    convolved = keras.layers.Conv3D(2, 3, padding="same", activation="relu", name="conv", dtype=precision)(inside)
    raw = keras.Input((*shape, channels), name="raw")
    features = keras.Model(inside, convolved, name="encoder")(raw)
    outputs = {h.name: keras.layers.Conv3D(h.channels, 1, name=h.name, dtype="float32")(features) for h in heads}
    return keras.Model(raw, outputs, name="nested")


# Gradients of one network are far longer than those of the other.
CLIPPED = {"model": {"loss_affs_coeff": 100.0}, "optimizer": {"optimizer": "SGD", "lr": 0.1, "clip_norm": 0.5}}
ACCUMULATED = {"optimizer": "AdamW", "options": {"weight_decay": 0.01}, "accumulate": 2, "average": 0.5}


@pytest.mark.parametrize(
    "change",
    [CLIPPED, merge(CLIPPED, {"model": {"architecture": "nested"}, "optimizer": ACCUMULATED})],
    ids=["U-Net", "any architecture, accumulated and averaged"],
)
def test_each_learns_what_it_would_learn_alone(change, tmp_path, monkeypatch):
    """Also if only the training of both is interrupted."""
    monkeypatch.setitem(ARCHITECTURES, "nested", replace(ARCHITECTURES["unet"], build=nested))
    config = configured(**change)
    both = Trainer(config, method_of(config))
    start = weights(both.network)
    assert {name: len(of) for name, of in by_network(method_of(config).heads).items()} == {"affs": 2, "fgbg": 1}
    losses = run(both, 0, 2)
    both.save(tmp_path / "2.keras")
    both = Trainer(config, method_of(config))
    both.load(tmp_path / "2.keras")
    losses += run(both, 2, 4)
    both.save(tmp_path / "4.keras")
    predicted = both.predict(batch(9))
    for network in ("affs", "fgbg"):
        alone = single(config, network, start, tmp_path / "start.keras")
        for joint, one in zip(losses, run(alone, 0, 4), strict=True):
            own = {key: value for key, value in one.items() if key.startswith(("affs", "fgbg", "cpv"))}
            assert {key: joint[key] for key in own} == own
            if not own:
                assert joint[f"{network}_loss"] * config.coefficient(network) == pytest.approx(one["loss"], rel=1e-6)
        for name, values in weights(alone.network).items():
            for here, there in zip(both.network.get_layer(f"{network}_{name}").get_weights(), values, strict=True):
                np.testing.assert_array_equal(here, there)
        for head, output in alone.predict(batch(9)).items():
            np.testing.assert_array_equal(predicted[head], output)


def test_no_weights_are_shared():
    config = configured()
    network = new_network(config, method_of(config))
    names = {layer.name.partition("_")[0] for layer in network.layers}
    assert names == {"raw", "affs", "fgbg"}
    parts = weights_by_network(network, method_of(config).heads)
    assert not {id(weight) for weight in parts["affs"]} & {id(weight) for weight in parts["fgbg"]}
    assert sum(map(len, parts.values())) == len(network.weights)
    # Drawn for each by itself.
    one, other = (network.get_layer(f"{name}_down_0_conv_0").get_weights()[0] for name in ("affs", "fgbg"))
    assert (one != other).all()
    # Those that a pretrained denoiser does not give.
    assert set(last_layers(network)) == {
        f"{name}_{end}" for name in names - {"raw"} for end in ("heads", "up_0_conv_0")
    }


@pytest.mark.parametrize("architecture", ["unet", "residual_unet"])
def test_coarser_levels_are_of_their_networks(architecture):
    change = merge(DEEP, {"model": {"architecture": architecture, "normalization": "batch"}})
    config = configured(**merge(change, {"training": {"precision": "mixed_float16"}}))
    network = new_network(config, method_of(config))
    heads = ["affs", "fgbg", "cpv"]
    assert set(network.output) == {*heads, *(f"{head}_level_1" for head in heads)}
    assert network.get_layer("affs_heads_level_1").output.shape[-1] == 6
    assert network.get_layer("fgbg_down_0_conv_0").compute_dtype == "float16"
    # Statistics of batches, too, are kept for each.
    parts = weights_by_network(network, method_of(config).heads)
    assert len(parts["affs"]) == len(parts["fgbg"]) == len(network.weights) / 2


def test_the_same_seed_makes_the_same_file(tmp_path):
    config = configured()
    for number in (1, 2):
        Trainer(config, method_of(config)).save(tmp_path / f"{number}.keras")
    assert (tmp_path / "1.keras").read_bytes() == (tmp_path / "2.keras").read_bytes()


def test_only_networks_of_the_wanted_heads_predict(tmp_path):
    config = configured()
    method, raw = method_of(config), np.random.default_rng(0).random((1, *SHAPE, 1)).astype(np.float32)
    trained = new_network(config, method)

    def predicted(*names):
        heads = [head for head in method.heads if head.name in names]
        network = build_for_prediction(config, method, SHAPE, heads, "float32")
        take_weights(network, trained, method, heads)
        return network(raw), {layer.name.partition("_")[0] for layer in network.layers if layer.weights}

    whole, _ = predicted("affs", "fgbg", "cpv")
    for wanted, networks in {("fgbg",): {"fgbg"}, ("cpv",): {"affs"}, ("affs", "fgbg"): {"affs", "fgbg"}}.items():
        part, used = predicted(*wanted)
        assert (set(part), used) == (set(wanted), networks)
        for head, output in part.items():
            np.testing.assert_allclose(output, whole[head], atol=1e-6)
    trained.save(tmp_path / "1.keras")
    exported = exported_network(config, method, tmp_path / "1.keras", ("affs", "fgbg"))
    for head, output in zip(("affs", "fgbg"), exported(raw[:, :8, :8, :8]), strict=True):
        np.testing.assert_allclose(output, trained(raw[:, :8, :8, :8])[head], atol=1e-5)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Checkpoints of one network, and of one a head."""
    folder = tmp_path_factory.mktemp("files")
    for networks in ("shared", "separate"):
        config = configured(networks, general={"seed": 1})
        network = new_network(config, method_of(config))
        for layer in network.layers:
            # Biases are zeros at first, of every network.
            layer.set_weights([weight + 0.5 for weight in layer.get_weights()])
        network.save(folder / f"{networks}.keras")
    return folder


def stored(files, networks):
    config = configured(networks)
    network = new_network(config, method_of(config))
    network.load_weights(files / f"{networks}.keras")
    return weights(network)


def equal(one, other, part=slice(None)):
    return all(np.array_equal(a, b[..., part]) for a, b in zip(one, other, strict=True))


def test_each_takes_over_the_layers_of_one_network(files):
    config = configured()
    network = new_network(config, method_of(config))
    loaded = take_over(network, method_of(config).heads, files / "shared.keras", config.init)
    now, there = weights(network), stored(files, "shared")
    assert (set(loaded.layers), loaded.left) == (set(now), {})
    assert any("affs, fgbg" in line for line in describe(loaded)[1:])
    for name, values in now.items():
        prefix, _, layer = name.partition("_")
        # Of the joint layer: vectors come after affinities and the foreground.
        part = ({"affs": [0, 1, 2, 4, 5, 6], "fgbg": [3]})[prefix] if layer == "heads" else slice(None)
        assert equal(values, there[layer], part), name


def test_layers_are_chosen_for_one_network_or_for_all(files):
    heads, parts = method_of(configured()).heads, ["affs_heads/affs", "affs_heads/cpv", "fgbg_heads"]
    network = new_network(configured(), method_of(configured()))

    def loaded(**init):
        return take_over(network, heads, files / "shared.keras", configured(init=init).init)

    for match, expected in {
        ("fgbg_down_*",): ["fgbg_down_0_conv_0"],
        ("down_*",): ["affs_down_0_conv_0", "fgbg_down_0_conv_0"],
        ("heads/*",): ["affs_heads", "fgbg_heads"],
        ("heads/affs", "fgbg_heads"): [parts[0], parts[2]],
    }.items():
        assert sorted(loaded(match=list(match)).layers) == expected
    found = loaded(skip=["heads/cpv", "fgbg_*"])
    assert found.left[parts[1]] == found.left["fgbg_bottom_1_conv_0"] == "init.skip"
    assert parts[0] in found.layers
    assert found.from_shared == ["affs"]


def test_separate_networks_take_over_their_own_layers(files):
    config = configured(init={"skip": ["affs_heads/cpv"]})
    network = new_network(config, method_of(config))
    before = weights(network)["affs_heads"]
    loaded = take_over(network, method_of(config).heads, files / "separate.keras", config.init)
    now, there = weights(network), stored(files, "separate")
    assert loaded.from_shared == []
    assert len(describe(loaded)) == 2
    assert all(equal(now[name], there[name]) for name in there if name != "affs_heads")
    for here, of_file, random in zip(now["affs_heads"], there["affs_heads"], before, strict=True):
        np.testing.assert_array_equal(here, np.concatenate([of_file[..., :3], random[..., 3:]], axis=-1))
    # One network would not know which to take.
    with pytest.raises(InputError, match="no layer of"):
        Trainer(configured("shared"), method_of(configured("shared")), files / "separate.keras")


def test_one_network_is_frozen_while_the_other_learns(files):
    config = configured(**CLIPPED, init={"freeze_iterations": 1, "match": ["affs_*"]})
    training = Trainer(config, method_of(config), files / "shared.keras")
    training.freeze(0, training.loaded.layers)

    def moved(first, last):
        before = weights(training.network)
        run(training, first, last)
        now = weights(training.network)
        return {name.partition("_")[0] for name in now if not equal(before[name], now[name])}

    assert moved(0, 1) == {"fgbg"}
    assert moved(1, 2) == {"affs", "fgbg"}


def test_cost_and_memory_are_those_of_all_networks():
    one, several = (configured(networks) for networks in ("shared", "separate"))
    built = {config.model.networks: build_network(config, method_of(config), (8, 8, 8)) for config in (one, several)}
    descriptions = {key: describe_network(network, several.model) for key, network in built.items()}
    listed = list(_convolutions(several.model, (8, 8, 8), method_of(several)))
    flops = sum(2 * voxels * kernel * before * after for voxels, kernel, before, after in listed)
    assert flops == descriptions["separate"]["flops"]
    (joint,) = (layer for layer in built["shared"].layers if layer.name == "heads")
    twice = 2 * descriptions["shared"]["parameters"] - joint.count_params()
    assert descriptions["separate"]["parameters"] == twice
    first, *_ = choices(several.model, method_of(several))
    assert first.step == first.weights == 1
    # Tiles for both take twice the memory.
    tilings = [
        tiling_of(configured(networks, model={"test_input_shape": []}, prediction={"tile_memory": gib}), (90, 90, 90))
        for networks, gib in (("shared", 0.001), ("separate", 0.002), ("separate", 0.001))
    ]
    assert tilings[0] == tilings[1] != tilings[2]


@pytest.mark.parametrize("method", ["threeclass", "sdt_cpv", "gauss"])
def test_methods_of_one_head_have_one_network(method):
    with pytest.raises(InputError, match=r"model\.networks: 'separate' .*methods: affinities"):
        small(model={"method": method, "networks": "separate"})
    small(model={"method": method, "networks": "shared"})
