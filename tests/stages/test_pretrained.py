"""The network that comes with the program: `segment` without a model, `load_model`, and `init.checkpoint`."""

import json
from itertools import product

import numpy as np
import pytest
import tifffile
import toml
from scipy import ndimage

from auxcpvloss import InputError, load_model
from auxcpvloss.cli import INPUT_ERROR, main
from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment import pretrained
from auxcpvloss.experiment.configuration import load
from auxcpvloss.methods import method_of
from auxcpvloss.metrics.comparison import Comparison
from tests.conftest import TINY, merge
from tests.stages.test_chain import weights


@pytest.fixture(scope="module")
def made() -> tuple[np.ndarray, np.ndarray]:
    """Eight balls as large as the network knows, blurred and with noise, by none of the rules of the generator."""
    labels, grid = np.zeros((40, 48, 48), np.uint16), np.indices((40, 48, 48))
    for number, center in enumerate(product((10, 30), (12, 35), (13, 36)), start=1):
        labels[((grid - np.reshape(center, (3, 1, 1, 1))) ** 2).sum(axis=0) <= 36] = number
    light = ndimage.gaussian_filter(150.0 * (labels > 0), 1)
    return (light + np.random.default_rng(0).integers(0, 8, labels.shape)).astype(np.uint8), labels


@pytest.fixture(scope="module")
def model():
    return load_model("pretrained", diameter=12)


def detection(truth: np.ndarray, found: np.ndarray) -> float:
    return Comparison(found, truth).detections.counts.ap


def test_it_finds_nuclei_that_it_was_not_trained_on(made, model):
    raw, labels = made
    assert detection(labels, model.segment(raw)) > 0.6
    assert model.found() == {"diameter": 12}


def test_larger_nuclei_are_found_with_their_diameter(made, model):
    raw, labels = (np.kron(each, np.ones((2, 2, 2), each.dtype)) for each in made)
    larger = load_model("pretrained", diameter=24)
    assert detection(labels, larger.segment(raw)) > 0.6
    # Of voxels along x: those along z and y may be of another size.
    assert detection(labels[::2], larger.segment(raw[::2], voxel_size=(4, 2, 2))) > 0.6


def test_the_diameter_is_estimated(made):
    model = load_model("pretrained")
    model.segment(made[0])
    assert 12 / 1.3 < model.found()["diameter"] < 1.3 * 12


@pytest.mark.parametrize("diameter", [0, -3, 1e9, float("nan"), True, "12"])
def test_what_is_no_diameter_is_refused(diameter):
    with pytest.raises(InputError, match=r"diameter: .*expected that of the median nucleus"):
        load_model("pretrained", diameter=diameter)


def test_a_diameter_is_for_the_pretrained_network_alone(tmp_path):
    with pytest.raises(InputError, match="only for the model 'pretrained'"):
        load_model(tmp_path, diameter=12)
    with pytest.raises(InputError, match="has only one"):
        load_model("pretrained", checkpoint=100)


def test_the_command_uses_it_where_no_model_is_named(made, model, tmp_path, capfd):
    raw, _ = made
    tifffile.imwrite(tmp_path / "a.tif", raw, photometric="minisblack")
    command = ["segment", str(tmp_path / "a.tif"), "-o", str(tmp_path / "out"), "--diameter"]
    assert main([*command, "12"]) == 0
    assert "generated nuclei only" in capfd.readouterr().out
    found = tifffile.imread(tmp_path / "out/a_labels.tif")
    assert np.array_equal(found, model.segment(raw))
    record = json.loads((tmp_path / "out/a_labels.json").read_text())
    assert (record["model"], record["diameter"], record["nuclei"]) == ("pretrained", 12, len(np.unique(found)) - 1)
    assert main([*command, "12"]) == 0
    assert "whole already" in capfd.readouterr().out
    # Other labels would be made now.
    assert main([*command, "13"]) == INPUT_ERROR
    assert main([*command, "0"]) == INPUT_ERROR
    assert "--diameter: 0.0" in capfd.readouterr().err


@pytest.mark.parametrize("factors", [[[2, 2, 2], [2, 2, 2]], [[1, 2, 2], [2, 2, 2]]])
def test_all_of_it_is_loaded_into_a_network_of_its_kind(factors):
    from auxcpvloss.network.compiled import new_network
    from auxcpvloss.network.initial import take_over

    model = {**pretrained.card()["model"], "downsample_factors": factors}
    config = load([ConfigFile("test", {"model": model})])
    method = method_of(config)
    loaded = take_over(new_network(config, method), method.heads, pretrained.weights(), config.init)
    assert not loaded.left
    assert loaded.weights == 411_416


def test_a_training_starts_from_it(tmp_path, capfd):
    change = {
        "init": {"checkpoint": "pretrained"},
        "model": {**pretrained.card()["model"], "train_input_shape": [12, 12, 12]},
        "data": {"synthetic": {"train": 1, "val": 0, "test": 0, "nuclei": 6}},
        "training": {"max_iterations": 1, "checkpoints": 1, "snapshots": 0, "num_workers": 0},
        "optimizer": {"lr": 1e-30},
    }
    config = tmp_path / "config.toml"
    config.write_text(toml.dumps(merge(TINY, change)))
    assert main(["-c", str(config), "-r", str(tmp_path / "root"), "-id", "a", "-d", "train"]) == 0
    assert "loaded 13 of 13 layers" in capfd.readouterr().out
    began = weights(tmp_path / "root/a/train/checkpoints/00000001.keras")
    shipped = weights(pretrained.weights())
    # After a step of nothing they still are those of the package.
    assert all(np.array_equal(a, b) for a, b in zip(began[: len(shipped)], shipped, strict=True))
    record = json.loads((tmp_path / "root/a/train/made_from.json").read_text())
    # A word, wherever the program is installed.
    assert record["initial"]["path"] == "pretrained"
    assert 'checkpoint = "pretrained"' in (tmp_path / "root/a/config.toml").read_text()


def test_the_weights_are_small_and_the_card_is_whole():
    assert pretrained.weights().stat().st_size < 10e6
    assert {"not_for", "model", "training", "scores"} <= pretrained.card().keys()
    known = pretrained.experiment().config.model
    for key, value in pretrained.card()["model"].items():
        if key != "method":
            assert getattr(known, key) == (list(map(tuple, value)) if key == "downsample_factors" else value)
