"""Images, from 2D TIFFs to a score and back: the user thinks in two dimensions throughout."""

import csv
import tomllib

import h5py
import numpy as np
import pytest
import tifffile
import toml
import zarr
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from auxcpvloss.cli import main
from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.system.errors import InputError
from tests.conftest import merge

CONFIG = {
    "data": {"input_format": "tif", "voxel_size": [1, 1]},
    "preprocessing": {"normalize": "min_max"},
    "model": {
        "ndim": 2, "train_input_shape": [48, 52], "test_input_shape": [60, 60], "kernel_size": [3, 3],
        "downsample_factors": [[2, 2]], "num_fmaps": 8, "fmap_inc_factors": [2], "fmap_dec_factors": [2],
        "normalization": "batch",
    },
    "training": {"max_iterations": 60, "checkpoints": 60, "snapshots": 60, "num_workers": 0, "precision": "float32"},
    "optimizer": {"lr": 1e-2},
    "validation": {"fg_thresh": [0.5], "seed_thresh": [0.5]},
}  # fmt: skip


def discs(seed, shape=(70, 80), number=14, radius=6):
    """An image of bright discs, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint16)
    y, x = np.indices(shape)
    for label in range(1, number + 1):
        cy, cx = rng.uniform(0, shape)
        disc = (y - cy) ** 2 + (x - cx) ** 2 <= radius**2
        # Apart from each other, some of them cut by the image's border.
        if not labels[(y - cy) ** 2 + (x - cx) ** 2 <= (radius + 2) ** 2].any():
            labels[disc] = label
    return (60 * (labels > 0) + rng.normal(100, 8, shape)).clip(0, 255).astype(np.uint8), labels


def write_discs(folder):
    """Images for training, validation and test."""
    for seed, (split, name) in enumerate([("train", "a"), ("train", "b"), ("val", "c"), ("test", "d"), ("test", "e")]):
        for kind, array in zip(("images", "masks"), discs(seed), strict=True):
            (folder / split / kind).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / split / kind / f"{name}.tif", array)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    write_discs(folder / "discs")
    return folder


def command(folder, *arguments, **change):
    config = merge(merge(CONFIG, {"data": {"path": str(folder / "discs")}}), change)
    (folder / "flat.toml").write_text(toml.dumps(config))
    return ["-c", str(folder / "flat.toml"), "-r", str(folder / "root"), *arguments]


def test_discs_are_found(folder, capfd):
    assert main(command(folder, "-d", "all")) == 0
    text = capfd.readouterr().out
    assert "warning" not in text
    assert "48x52 -> output 32x36" in text
    experiment = folder / "root" / "flat"
    with h5py.File(next(experiment.glob("test/instanced/60/*/d.hdf"))) as file:
        assert file["volumes/instances"].shape == (1, 70, 80)
    prediction = zarr.open(str(experiment / "test/processed/60/d.zarr"), mode="r")["volumes/pred_threeclass"]
    assert prediction.shape == (3, 1, 70, 80)
    with next(experiment.glob("test/evaluated/60/*/summary.csv")).open() as file:
        scores = {row["volume"]: float(row["AP 0.5"]) for row in csv.DictReader(file)}
    assert scores["mean"] > 0.7
    assert len(list(experiment.glob("test/evaluated/60/*/*.png"))) == 2
    with h5py.File(experiment / "train/snapshots/batch_00000060.hdf") as file:
        assert file["volumes/raw"].shape == (1, 1, 1, 48, 52)
        assert file["volumes/gt_threeclass"].attrs["offset"].tolist() == [0, 8, 8]
    board = EventAccumulator(str(experiment / "train/tensorboard"))
    board.Reload()
    tags = set(board.Tags()["tensors"])
    assert {"batch/raw", "batch/target/threeclass", "batch/prediction/threeclass", "loss", "learning_rate"} <= tags
    assert tomllib.loads((experiment / "config.toml").read_text())["model"]["train_input_shape"] == [1, 48, 52]
    # The frozen configuration is the same one.
    assert main(["-id", "flat", "-r", str(folder / "root"), "-d", "all"]) == 0
    assert "whole already: checkpoint of iteration 60" in capfd.readouterr().out


def test_a_volume_among_images_is_refused(folder, tmp_path, capfd):
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "stack.tif", np.stack([discs(0)[0]] * 6), photometric="minisblack")
    new = ["-id", "stacks", "--test-data", str(tmp_path)]
    assert main(command(folder, "-d", "prepare", *new)) == 2
    assert "stack.tif: a volume of 6 planes, but model.ndim = 2" in capfd.readouterr().err
    assert not (folder / "root" / "stacks").exists()
    # Prepared by an experiment of volumes it is there, and refused all the same.
    volumes = {"ndim": 3, "train_input_shape": [28] * 3, "test_input_shape": [28] * 3, "kernel_size": 3, "downsample_factors": [[2, 2, 2]]}  # fmt: skip
    assert main(command(folder, "-d", "prepare", *new, model=volumes, data={"voxel_size": [1, 1, 1]})) == 0
    assert main(command(folder, "-d", "prepare", *new)) == 2
    assert "stack.tif: a volume of 6 planes, but model.ndim = 2" in capfd.readouterr().err
    config = merge(CONFIG, {"data": {"path": str(folder / "discs"), "test_data": str(tmp_path)}})
    with pytest.raises(InputError, match=r"stack\.zarr: a volume of 6 planes, but model\.ndim = 2"):
        Experiment(folder / "root" / "stacks", load([ConfigFile("flat.toml", config)])).samples("test")


def test_images_for_a_network_of_volumes_are_warned_of(folder, tmp_path, capfd):
    volumes = {"ndim": 3, "train_input_shape": [28] * 3, "test_input_shape": [28] * 3, "kernel_size": 3, "downsample_factors": [[2, 2, 2]]}  # fmt: skip
    arguments = command(folder, "-d", "prepare", model=volumes, data={"voxel_size": [1, 1, 1]})
    assert main([*arguments, "-r", str(tmp_path)]) == 0
    assert "warning: d: only one plane; model.ndim = 2" in capfd.readouterr().out
