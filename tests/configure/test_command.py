"""The command ``configure``, and the configuration that it writes, from files to the report."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tifffile

from auxcpvloss.cli import INPUT_ERROR, main
from tests.conftest import blobs

FEW = ["--iterations", "2"]


def write(folder: Path, name: str, labels: np.ndarray, masks: str = "masks") -> None:
    """Write an image of some labels, and the labels unless `masks` is empty."""
    raw = ((labels > 0) * 150 + np.random.default_rng(0).integers(0, 60, labels.shape)).astype(np.uint8)
    for kind, array in (("images", raw), (masks, labels.astype(np.uint16))):
        if kind:
            (folder / kind).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / kind / f"{name}.tif", array, photometric="minisblack")


def configured(folder: Path, *arguments: str, long: Sequence[str] = FEW) -> dict:
    out = folder.parent / "written.toml"
    assert main(["configure", str(folder), "-o", str(out), *long, *arguments]) == 0
    return tomllib.loads(out.read_text())


def trained(folder: Path, *stages: str) -> Path:
    """Run stages with what was written; gives the folder of the experiment."""
    root, quick = folder.parent / "root", folder.parent / "quick.toml"
    # No other process for two batches, and thresholds for a network that has learned nothing.
    quick.write_text('training.num_workers = 0\nvalidation = { refine = "never", num_workers = 1 }')
    given = ["-c", str(folder.parent / "written.toml"), "-c", str(quick), "-r", str(root), "-id", "written"]
    assert main([*given, "-d", *stages]) == 0
    return root / "written"


def test_anisotropic_volumes_to_the_report(tmp_path, monkeypatch):
    monkeypatch.setattr("auxcpvloss.configure.speed.SECONDS", 0.1)
    monkeypatch.setattr("auxcpvloss.configure.speed.UNCOUNTED", 1)
    monkeypatch.setattr("auxcpvloss.configure.recipe.LEAST_ITERATIONS", 2)
    monkeypatch.setattr("auxcpvloss.configure.recipe.MOST_PATCHES", 1)
    for seed, split in enumerate(("train", "val", "test")):
        write(tmp_path / "mine" / split, split, blobs((40, 40, 40), 4, seed, radius=7)[::2])
    # Steps are timed, though so short a time is enough for the least number of them only.
    found = configured(tmp_path / "mine", "--voxel-size", "2", "1", "1", long=("--minutes", "0.0001"))
    assert found["data"] == {"voxel_size": [2, 1, 1], "path": str(tmp_path / "mine")}
    assert found["model"]["downsample_factors"] == [[1, 2, 2], [2, 2, 2]]
    assert found["training"]["max_iterations"] == 2
    assert "iterations a second" in (tmp_path / "written.toml").read_text()
    assert (trained(tmp_path / "mine", "all") / "report.html").is_file()


def test_images_to_the_report(tmp_path, monkeypatch):
    monkeypatch.setattr("auxcpvloss.configure.recipe.MOST_PATCHES", 1)
    for number in range(5):
        write(tmp_path / "flat", f"image{number}", blobs((1, 64, 72), 8, seed=number)[0])
    found = configured(tmp_path / "flat")
    assert (found["model"]["ndim"], found["data"]["voxel_size"]) == (2, [1, 1, 1])
    assert found["model"]["train_input_shape"] == [64, 72]
    assert (trained(tmp_path / "flat", "all") / "report.html").is_file()


def test_one_volume_smaller_than_a_patch_serves_for_validation(tmp_path, capsys):
    write(tmp_path / "one" / "train", "a", blobs((8, 30, 26), 3, seed=2, radius=5))
    found = configured(tmp_path / "one", "--voxel-size", "1", "1", "1")
    assert found["data"]["val_data"] == str(tmp_path / "one" / "train")
    assert np.less_equal(found["model"]["train_input_shape"], (8, 30, 26)).all()
    said = capsys.readouterr().out
    assert "serve for validation" in said
    # There is nothing that all stages could be run for.
    stages = said.split(" -d ")[1].split(",")[0].split()
    trained(tmp_path / "one", *stages, "--dry-run")


def test_points_are_learned(tmp_path):
    rng, folder = np.random.default_rng(0), tmp_path / "points" / "train"
    for name in ("a", "b", "c"):
        write(folder, name, blobs((24, 32, 32), 6, seed=3), masks="")
        (folder / "centers").mkdir(exist_ok=True)
        lines = "".join(f"{z}, {y}, {x}\n" for z, y, x in rng.uniform(2, 22, (6, 3)))
        (folder / "centers" / f"{name}.csv").write_text(lines)
    found = configured(tmp_path / "points", "--voxel-size", "1", "1", "1")
    assert found["model"]["method"] == "gauss"
    assert (found["data"]["num_folds"], found["validation"]["fold"]) == (3, 1)


def test_the_same_file_is_written_again_only_if_asked(tmp_path, capsys):
    write(tmp_path / "mine" / "train", "a", blobs((20, 24, 24), 4, seed=2))
    arguments = [
        "configure",
        str(tmp_path / "mine"),
        "-o",
        str(tmp_path / "x.toml"),
        *FEW,
        "--voxel-size",
        "1",
        "1",
        "1",
    ]
    assert main(arguments) == 0
    before = (tmp_path / "x.toml").read_bytes()
    assert main(arguments) == INPUT_ERROR
    assert "--overwrite" in capsys.readouterr().err
    assert main([*arguments, "--overwrite"]) == 0
    assert (tmp_path / "x.toml").read_bytes() == before


def test_keys_of_data_are_taken_over(tmp_path):
    write(tmp_path / "mine" / "train", "a", blobs((20, 24, 24), 4, seed=2), masks="labels")
    (tmp_path / "given.toml").write_text("[data]\nmasks = 'labels'\nvoxel_size = [1, 1, 1]\n")
    found = configured(tmp_path / "mine", "-c", str(tmp_path / "given.toml"))
    assert (found["data"]["masks"], found["data"]["voxel_size"]) == ("labels", [1, 1, 1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["unlabelled", "--voxel-size", "1", "1", "1"], "no labels"),
        (["labelled"], "--voxel-size Z Y X"),
        (["none"], "no such folder"),
        ([], "No volumes given"),
        (["labelled", "-c", "wrong.toml"], "the table [data] alone"),
        (["labelled", "-a", "synthetic"], "give one of them"),
        (["labelled", "-o", "x.json"], ".toml file"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_bad_input_is_told_and_nothing_is_written(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "unlabelled", "a", blobs((20, 24, 24), 4, seed=2), masks="")
    write(tmp_path / "labelled", "a", blobs((20, 24, 24), 4, seed=2))
    Path("wrong.toml").write_text("[training]\nmax_iterations = 3\n")
    before = sorted(tmp_path.rglob("*"))
    assert main(["configure", *arguments, *FEW]) == INPUT_ERROR
    assert words in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before
