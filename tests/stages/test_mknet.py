import json

import numpy as np
import pytest
import tifffile
from rich.console import Console

from auxcpvloss.experiment.fingerprint import Records
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.stages.mknet import Mknet
from auxcpvloss.stages.order import STAGES
from auxcpvloss.stages.perform import perform
from auxcpvloss.stages.prepare import Prepare
from auxcpvloss.stages.run import Run
from auxcpvloss.system.terminal import Terminal
from tests.conftest import configure


def made(folder, **change):
    """What mknet says and writes."""
    terminal = Terminal(Console(highlight=False, width=500))
    with terminal.console.capture() as captured:
        perform(Mknet(), Run(Experiment(folder, configure(**change)), terminal), STAGES)
    return captured.get(), json.loads((folder / "train" / "network.json").read_text())


def test_the_effect_of_the_keys_is_told(tmp_path):
    said, record = made(tmp_path)
    for part in ("3 levels", "44x44x44 -> output 4x4x4", "test 60x60x60 -> 20x20x20", "parameters", "receptive field 44x44x44", "GiB to train"):  # fmt: skip
        assert part in said
    assert "time of an output voxel" in said
    assert "normalization" not in said
    assert "warning" not in said
    assert record["train"]["levels"] == 3
    assert (record["train"]["normalization"], record["train"]["ndim"]) == ("none", 3)
    assert "whole already" in (again := made(tmp_path)[0])
    assert "time of an output voxel" not in again
    assert (tmp_path / "train/network.txt").read_text().count("down_0_conv_0") >= 2


def test_the_part_of_the_output_that_predictions_keep_is_told(tmp_path):
    model = {"padding": "same", "train_input_shape": [64, 64, 64], "test_input_shape": [64, 64, 64]}
    assert "(test 64x64x64 -> 24x24x24, of which predictions keep 20x20x20)" in made(tmp_path / "same", model=model)[0]
    model = {"padding": "same", "ndim": 2, "test_input_shape": [64, 64, 64]}
    assert "24x24, of which predictions keep 20x20)" in made(tmp_path / "image", model=model)[0]


def test_group_normalization_is_warned_of(tmp_path):
    said, record = made(tmp_path, model={"normalization": "group"})
    assert "group normalization" in said
    assert "warning" in said
    assert "tiled" in said
    assert record["train"]["normalization"] == "group"
    # Also of one that is there already.
    assert "warning" in made(tmp_path, model={"normalization": "group"})[0]
    assert "warning" not in made(tmp_path, model={"normalization": "batch"})[0]


def test_an_image_is_described_as_such(tmp_path):
    said, record = made(tmp_path, model={"ndim": 2})
    assert "44x44 -> output 4x4 (test 60x60 -> 20x20)" in said
    assert "receptive field 44x44," in said
    assert record["train"]["input_shape"] == [1, 44, 44]


def test_the_memory_is_that_of_outputs_and_weights(tmp_path):
    """By hand: two convolutions, one upwards, heads."""
    model = {"downsample_factors": [], "fmap_inc_factors": [], "fmap_dec_factors": [], "num_repetitions": 1, "num_fmaps": 5, "method": "threeclass", "train_input_shape": [12, 12, 12]}  # fmt: skip
    _, record = made(tmp_path, model=model)
    raw, convolved, heads = 12**3, 10**3 * 5, 10**3 * 3
    weights = 27 * 5 + 5 + 5 * 3 + 3
    # The heads' output, and its part for the one head.
    assert record["train"]["training_bytes"] == 4 * (raw + convolved + 2 * heads) + 16 * weights
    assert record["train"]["parameters"] == weights
    # Another batch size makes it again.
    _, four = made(tmp_path, model=model, training={"batch_size": 4})
    assert four["train"]["training_bytes"] == 4 * 4 * (raw + convolved + 2 * heads) + 16 * weights
    _, half = made(tmp_path, model=model, training={"precision": "mixed_bfloat16"})
    assert half["train"]["training_bytes"] == 4 * raw + 2 * convolved + 4 * 2 * heads + 16 * weights


@pytest.mark.parametrize("normalization", ["group", "batch"])
def test_normalization_needs_more_memory(tmp_path, normalization):
    plain, more = (made(tmp_path, model={"normalization": name})[1]["train"] for name in ("none", normalization))
    assert more["training_bytes"] > 1.3 * plain["training_bytes"]
    assert more["parameters"] > plain["parameters"]


def with_nucleus(folder, size):
    """Configuration of a volume of one cube."""
    labels = np.zeros((60, 60, 60), np.uint16)
    labels[2 : 2 + size, 4:20, 5:20] = 3
    for name, array in (("images", labels * 10 + np.arange(60, dtype=np.uint16)), ("masks", labels)):
        (folder / name).mkdir(parents=True)
        tifffile.imwrite(folder / name / "big.tif", array)
    return {"input_format": "tif", "train_data": str(folder), "val_data": "", "test_data": "", "voxel_size": [1, 1, 1]}


@pytest.mark.parametrize(
    ("size", "method", "warned"),
    [(50, "threeclass_cpv", True), (30, "threeclass_cpv", False), (50, "threeclass", False)],
)
def test_nuclei_beyond_the_receptive_field_are_warned_of(tmp_path, size, method, warned):
    config = {"data": with_nucleus(tmp_path / "v", size), "model": {"method": method}}
    perform(Prepare(), Run(Experiment(tmp_path / "e", configure(**config)), Terminal(Console(quiet=True))), STAGES)
    said, _ = made(tmp_path / "e", **config)
    # Only where the method looks at whole nuclei.
    assert ("the largest nucleus, in big, extends" in said) == (method != "threeclass")
    assert ("warning: big: at least half of the nuclei extend beyond the receptive field" in said) == warned


def test_another_size_of_tiles_is_another_network(tmp_path):
    def description(memory):
        config = configure(model={"test_input_shape": []}, prediction={"tile_memory": memory})
        (result,) = Mknet().results(Run(Experiment(tmp_path, config)))
        return result.record

    assert Records().difference(description(0.5), description(0.1)) == (
        "model.test_input_shape was 'chosen for prediction.tile_memory = 0.5', is 'chosen for prediction.tile_memory = "
        "0.1'"
    )
