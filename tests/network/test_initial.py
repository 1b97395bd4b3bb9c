import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from auxcpvloss.experiment.pretraining import pretraining_config
from auxcpvloss.methods import METHODS, method_of
from auxcpvloss.methods.auxiliary.cpv import CPV
from auxcpvloss.methods.threeclass import THREECLASS
from auxcpvloss.network.architectures.unet import build_unet
from auxcpvloss.network.compiled import new_network
from auxcpvloss.network.initial import describe, take_over
from auxcpvloss.network.trainer import begin_with
from auxcpvloss.system.errors import InputError
from tests.network.small import small

SOURCE = small(general={"seed": 1})


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("source") / "source.keras"
    network = new_network(SOURCE, METHODS["threeclass_cpv"])
    for layer in network.layers:
        # Biases are zeros at first, of every network.
        layer.set_weights([weight + 0.5 for weight in layer.get_weights()])
    network.save(path)
    return path


def begin(source, init=None, **change):
    config = small(**change, init=init or {})
    method = method_of(config)
    network = new_network(config, method)
    return network, take_over(network, method.heads, source, config.init)


def weights(network):
    return {layer.name: layer.get_weights() for layer in network.layers if layer.weights}


def stored(source):
    network = new_network(SOURCE, METHODS["threeclass_cpv"])
    network.load_weights(source)
    return weights(network)


def same(one, other) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_all_of_an_equal_network_is_taken_over(source):
    network, loaded = begin(source)
    there = stored(source)
    assert all(same(weights(network)[name], there[name]) for name in there)
    assert (set(loaded.layers), loaded.weights) == (set(there), network.count_params())
    assert describe(loaded)[0].startswith(f"loaded {len(there)} of {len(there)} layers, {network.count_params():,} weights")  # fmt: skip
    assert len(describe(loaded)) == 1


def test_a_residual_network_takes_the_convolutions_of_a_plain_one(source):
    network, loaded = begin(source, model={"architecture": "residual_unet"})
    there = stored(source)
    assert all(same(weights(network)[name], there[name]) for name in there)
    assert set(loaded.left) == {f"{block}_shortcut" for block in ("down_0", "bottom_1", "up_0")}


def test_layers_are_chosen_by_patterns(source):
    before = weights(new_network(small(), METHODS["threeclass_cpv"]))
    network, loaded = begin(source, {"match": ["down_*", "heads*"], "skip": ["*/cpv", "nothing"]})
    now, there = weights(network), stored(source)
    assert loaded.layers == ["down_0_conv_0", "heads/threeclass"]
    assert same(now["down_0_conv_0"], there["down_0_conv_0"])
    assert same(now["bottom_1_conv_0"], before["bottom_1_conv_0"])
    for i in (0, 1):
        assert (now["heads"][i][..., :3] == there["heads"][i][..., :3]).all()
        assert (now["heads"][i][..., 3:] == before["heads"][i][..., 3:]).all()
    assert (loaded.left["heads/cpv"], loaded.left["up_0_conv_0"]) == ("init.skip", "not in init.match")


def test_a_head_is_taken_over_wherever_its_channels_are(source, tmp_path):
    """From vectors and classes to classes and vectors; equal numbers of channels are not taken for equal heads."""
    heads = (CPV.head, *THREECLASS.heads)
    config = small()
    network = build_unet(config.model, heads, config.model.train_input_shape)
    assert "heads" in take_over(network, heads, source, config.init).layers
    there = stored(source)["heads"]
    for i in (0, 1):
        now = network.get_layer("heads").get_weights()[i]
        assert (now[..., :3] == there[i][..., 3:]).all()
        assert (now[..., 3:] == there[i][..., :3]).all()


def test_a_method_with_fewer_or_more_heads(source, tmp_path):
    _, loaded = begin(source, model={"method": "threeclass"})
    assert "heads" in loaded.layers
    new_network(small(model={"method": "threeclass"}), METHODS["threeclass"]).save(tmp_path / "plain.keras")
    _, loaded = begin(tmp_path / "plain.keras")
    assert "heads/threeclass" in loaded.layers
    assert loaded.left == {"heads/cpv": "not in the file"}
    assert describe(loaded)[1] == "not loaded: heads/cpv (not in the file)"


def test_what_differs_is_told_with_both_shapes(source):
    _, loaded = begin(source, model={"num_repetitions": 2, "upsampling": "transposed_conv", "kernel_size": [1, 3, 3]})
    assert loaded.left["down_0_conv_0"] == "3x3x3x1x2 there, 1x3x3x1x2 here"
    assert loaded.left["down_0_conv_1"] == loaded.left["upsample_0"] == "not in the file"
    assert loaded.layers == ["heads"]


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        ({"match": ["nothing"]}, "no layer of .* fits this network. Not loaded: .*not in init.match"),
        ({"skip": ["*"]}, "no layer of .* fits this network"),
        ({"freeze_iterations": 3}, "init.freeze_iterations: every layer is loaded"),
    ],
)
def test_what_would_load_or_train_nothing_is_refused(source, init, expected):
    with pytest.raises(InputError, match=expected):
        begin(source, init)


@pytest.mark.parametrize(
    "change",
    [
        {"init": {"match": ["heads"]}},
        {"model": {"downsample_factors": [], "fmap_inc_factors": [], "fmap_dec_factors": []}},
    ],
    ids=["patterns", "one level"],
)
def test_where_nothing_of_a_denoiser_fits_the_scheme_is_named(tmp_path, change):
    config = small(**change, scheme={"name": "finetune"})
    denoiser = pretraining_config(config)
    new_network(denoiser, method_of(denoiser)).save(tmp_path / "denoiser.keras")
    with pytest.raises(InputError) as caught:
        begin_with(new_network(config, method_of(config)), method_of(config), tmp_path / "denoiser.keras", config)
    assert "scheme.name = 'finetune': no layer" in str(caught.value)
    assert "init.match" in str(caught.value)
    assert "init.checkpoint" not in str(caught.value)


def test_freezing_goes_with_layers_that_are_left(source):
    _, loaded = begin(source, {"freeze_iterations": 3, "skip": ["heads"]})
    assert loaded.left == {"heads/threeclass": "init.skip", "heads/cpv": "init.skip"}


def rewrite(source: Path, to: Path, change) -> Path:
    """The file with its weights or its architecture changed."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(to, "w") as other:
        weights = io.BytesIO(archive.read("model.weights.h5"))
        architecture = json.loads(archive.read("config.json"))
        with h5py.File(weights, "r+") as file:
            change(file, architecture)
        other.writestr("model.weights.h5", weights.getvalue())
        other.writestr("config.json", json.dumps(architecture))
    return to


def test_heads_of_earlier_versions_are_found(source, tmp_path):
    """Those cut each head out of the joint channels by an index, and did not split them."""

    def cut(_, architecture):
        layers = architecture["config"]["layers"]
        split = next(layer for layer in layers if layer["class_name"] == "Split")
        layers.remove(split)
        ends = [0, *split["config"]["indices_or_sections"], 6]
        for head in (layer for layer in layers if layer["class_name"] == "Identity"):
            history = head["inbound_nodes"][0]["args"][0]["config"]["keras_history"]
            part = {"class_name": "slice", "config": {"start": ends[history[2]], "stop": ends[history[2] + 1]}}
            whole = split["inbound_nodes"][0]["args"][0]
            index = [{"class_name": "Ellipsis", "config": {}}, part]
            name = f"get_item_{history[2]}"
            inbound = [{"args": [whole, index]}]
            layers.append({"class_name": "GetItem", "module": "keras.src", "name": name, "inbound_nodes": inbound})
            history[0], history[2] = name, 0

    _, loaded = begin(rewrite(source, tmp_path / "earlier.keras", cut), {"skip": ["heads/cpv"]})
    assert "heads/threeclass" in loaded.layers
    assert loaded.left == {"heads/cpv": "init.skip"}


def test_nothing_in_a_file_is_run(source, tmp_path):
    trace = tmp_path / "trace"

    def plant(_, architecture):
        code = {"class_name": "__lambda__", "config": {"value": f"open({str(trace)!r}, 'w')"}}
        layer = {"class_name": "Lambda", "config": {"name": "evil", "function": code}, "inbound_nodes": [], "name": "evil"}  # fmt: skip
        architecture["config"]["layers"].insert(0, layer)
        architecture["module"], architecture["class_name"] = "os", "system"

    with pytest.raises(InputError, match=r"its layer 'evil' \(None, Lambda\) contains its own code"):
        begin(rewrite(source, tmp_path / "evil.keras", plant))
    assert not trace.exists()


def test_other_files_are_not_reached_through_one(source, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(1000))

    def link(file, _):
        vars = file["layers/conv3d/vars"]
        shape = vars["0"].shape
        del vars["0"]
        vars.create_dataset("0", shape, np.float32, external=[(str(secret), 0, h5py.h5f.UNLIMITED)])

    with pytest.raises(InputError, match="refers to other files"):
        begin(rewrite(source, tmp_path / "evil.keras", link))


@pytest.mark.parametrize("content", [b"", b"no zip", "empty zip"])
def test_files_of_other_kinds_are_named(content, tmp_path):
    path = tmp_path / "x.keras"
    if content == "empty zip":
        zipfile.ZipFile(path, "w").close()
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.keras is not a \.keras file with weights"):
        begin(path)
