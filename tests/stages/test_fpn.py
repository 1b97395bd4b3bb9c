"""Feature pyramids from files to scores: of volumes over our own encoder, of images over one of Keras."""

import io
import json
import zipfile
from hashlib import sha256

import h5py
import keras
import numpy as np
import pytest
import tifffile
import toml
import zarr

from auxcpvloss.cli import main
from auxcpvloss.network.architectures.application import application
from tests.conftest import merge
from tests.stages.conftest import EVERY_STAGE
from tests.stages.test_images import CONFIG, discs

MADE = ("prepare", "mknet", "train", "predict", "label", "evaluate")
VOLUMES = {"architecture": "fpn", "pyramid_fmaps": 4, "test_input_shape": []}
IMAGES = {
    "architecture": "fpn", "encoder": "MobileNet", "pyramid_fmaps": 4, "padding": "same", "normalization": "none",
    "downsample_factors": [[2, 2]], "train_input_shape": [32, 32], "test_input_shape": [],
}  # fmt: skip


@pytest.fixture
def run(tmp_path, capfd):
    """Run stages of an experiment with a configuration; gives what is said."""

    def call(config, *stages, status=0):
        (tmp_path / "a.toml").write_text(toml.dumps(config))
        assert (
            main(
                [
                    "-c",
                    str(tmp_path / "a.toml"),
                    "-r",
                    str(tmp_path / "root"),
                    "-d",
                    *stages,
                    "--test-checkpoint",
                    "last",
                ]
            )
            == status
        )
        return "".join(capfd.readouterr())

    return call


def weights_in(checkpoint):
    found = []
    with zipfile.ZipFile(checkpoint) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        file.visititems(lambda name, item: found.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    return found


def test_volumes_are_trained_on_predicted_and_scored(run, tmp_path):
    said = run(merge(EVERY_STAGE, {"model": VOLUMES}), *MADE)
    assert "2 levels" in said
    assert "lateral_1" in (tmp_path / "root/a/train/network.txt").read_text()
    assert len([*(tmp_path / "root/a/test/evaluated").rglob("scores.csv")]) == 1
    # One key that says nothing there, and one that does.
    for key, is_whole in ({"fmap_dec_factors": [1]}, True), ({"pyramid_fmaps": 5}, False):
        told = run(merge(EVERY_STAGE, {"model": VOLUMES | key}), "status")
        assert ("model.pyramid_fmaps was 4, is 5" in told) != is_whole
        assert "fmap_dec_factors" not in told


def test_images_begin_with_the_weights_of_a_file_that_only_the_training_needs(run, tmp_path):
    for split, name in (("train", "a"), ("val", "b"), ("test", "c")):
        for kind, array in zip(("images", "masks"), discs(ord(name)), strict=True):
            (tmp_path / "discs" / split / kind).mkdir(parents=True)
            tifffile.imwrite(tmp_path / "discs" / split / kind / f"{name}.tif", array)
    keras.utils.set_random_seed(1)
    file = tmp_path / "encoder.weights.h5"
    init = {"encoder_weights": str(file), "freeze_iterations": 2}
    config = merge(CONFIG, {"data": {"path": str(tmp_path / "discs")}, "model": IMAGES, "init": init, "training": {"max_iterations": 2, "checkpoints": 2, "snapshots": 0}})  # fmt: skip
    assert f"init.encoder_weights: {file}: no such file" in run(config, "train", status=2)
    assert not (tmp_path / "root/a/train").exists()
    original = application("MobileNet")
    original.save_weights(file)
    said = run(config, "mknet", "train")
    assert f"starting with the weights of {file}" in said
    assert "64 x 64 pixels that tiles are given" in said
    record = json.loads((tmp_path / "root/a/train/made_from.json").read_text())
    assert record["initial"]["checksum"] == sha256(file.read_bytes()).hexdigest()
    kernel = original.get_layer("conv_pw_1").get_weights()[0]
    stored = weights_in(tmp_path / "root/a/train/checkpoints/00000002.keras")
    assert any(np.array_equal(kernel, each) for each in stored)
    keras.utils.set_random_seed(2)
    application("MobileNet").save_weights(file)
    assert "the file of init.checkpoint or init.encoder_weights changed" in run(config, "status")
    assert "init.encoder_weights was" in run(merge(config, {"init": {"encoder_weights": ""}}), "status")
    file.unlink()
    run(config, "predict")
    (found,) = (tmp_path / "root/a/test/processed").rglob("c.zarr")
    predicted = zarr.open_group(str(found), mode="r")["volumes/pred_threeclass"][:]
    assert predicted.shape == (3, 1, 70, 80)
    assert predicted.std() > 0
