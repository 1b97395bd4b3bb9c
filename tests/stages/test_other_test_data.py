"""A trained experiment on test volumes of other people."""

import json
import shutil

import numpy as np
import pytest
import toml

from auxcpvloss.cli import INPUT_ERROR, main
from auxcpvloss.data.open_samples import open_sample
from tests.data.test_sources import write_arrays
from tests.data.volumes import blobs, make_folder, write_tiff
from tests.stages.conftest import EVERY_STAGE

STAGES = ["prepare", "predict", "label", "evaluate"]


def snapshot(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def trained(every_stage, tmp_path):
    shutil.copytree(every_stage / "root", tmp_path / "root")
    return tmp_path / "root" / "e"


def test_other_test_data_of_any_format_are_kept_apart(trained, tmp_path, capfd):
    make_folder(tmp_path / "theirs", "ab")
    write_arrays(tmp_path / "arrays" / "a.zarr", *blobs())
    before = {name: snapshot(trained / name) for name in ("test", "val", "train")}
    config, page = (trained / "config.toml").read_bytes(), (trained / "report.html").read_bytes()
    command = ["-id", "e", "-r", str(trained.parent), "-d"]
    for place in (["theirs", "--input-format", "tif"], ["theirs"], ["arrays"]):
        asked = ["--test-data", str(tmp_path / place[0]), *place[1:]]
        assert main([*command, *STAGES, *asked]) == 0, capfd.readouterr().err
    assert main([*command, "report", *asked]) == 0
    for name, files in before.items():
        assert {path: path.read_bytes() for path in files} == files, name
    assert not (trained / "superseded").exists()
    assert (trained / "config.toml").read_bytes() == config
    assert (trained / "report.html").read_bytes() == page
    apart = {path.parents[3].name.rpartition("-")[0]: path for path in trained.glob("test/*/evaluated/*/*/scores.csv")}
    assert {name: len(list(path.parent.glob("*.toml"))) for name, path in apart.items()} == {"theirs": 2, "arrays": 1}
    assert len(list(trained.glob("test/arrays-*/report.html"))) == 1
    capfd.readouterr()
    assert main([*command, "all"]) == 0
    assert "(whole already)" in capfd.readouterr().out
    assert main([*command, "status", "--test-data", str(tmp_path / "theirs")]) == 0
    table = capfd.readouterr().out
    assert "stale" not in table
    assert "a, b" in table


def test_a_selection_holds_without_the_validation_volumes(gpu_part, tmp_path, capfd):
    # Their sources are gone, and here the prepared ones, too.
    root = gpu_part.copy(tmp_path)
    assert main(["-id", "run", "-r", str(root), "-d", "validate_checkpoints"]) == 0
    for path in root.glob("data/*/val"):
        shutil.rmtree(path)
    assert main(["-id", "run", "-r", str(root), "-d", "predict", "label"]) == 0, capfd.readouterr().err


def test_a_bad_test_volume_does_not_stop_the_others(trained, tmp_path, capfd):
    make_folder(tmp_path / "theirs", "abcd")
    raw = tmp_path / "theirs" / "images" / "b.tif"
    write_tiff(raw, np.zeros((20, 22, 40), np.uint8))
    (tmp_path / "theirs" / "images" / "c.tif").write_bytes(b"no TIFF")
    command = ["-id", "e", "-r", str(trained.parent), "--test-data", str(tmp_path / "theirs"), "-d"]
    assert main([*command, *STAGES, "visualize", "report"]) == INPUT_ERROR
    done = capfd.readouterr()
    assert done.err.splitlines()[0] == "2 of 4 test volumes left out:"
    assert {line.partition(":")[0] for line in done.err.splitlines()[1:]} == {"b", "c"}
    assert "not among them: b, c" in done.out
    recorded = json.loads((trained / "provenance.json").read_text())["commands"][-1]
    assert recorded["outcome"] == "done, but some volumes were left out"
    (place,) = trained.glob("test/theirs-*")
    assert {path.stem for path in place.glob("instanced/*/*/*.hdf")} == {"a", "d"}
    (table,) = place.glob("evaluated/*/*/summary.csv")
    assert [line.partition(",")[0] for line in table.read_text().splitlines()] == ["volume", "a", "d", "mean", "pooled"]
    assert main([*command, "status"]) == 0
    assert "missing" in capfd.readouterr().out
    # Mended, it joins the others.
    write_tiff(raw, blobs(seed=1)[0])
    (tmp_path / "theirs" / "images" / "c.tif").unlink()
    (tmp_path / "theirs" / "masks" / "c.tif").unlink()
    assert main([*command, *STAGES]) == 0
    assert len(table.read_text().splitlines()) == 6


def test_what_is_there_of_the_other_test_volumes_is_labelled_and_scored(trained, tmp_path, capfd):
    make_folder(tmp_path / "theirs", "abc")
    command = ["-id", "e", "-r", str(trained.parent), "--test-data", str(tmp_path / "theirs"), "-d"]
    assert main([*command, "label"]) == INPUT_ERROR
    assert "Run the stage predict" in capfd.readouterr().err
    assert main([*command, "predict"]) == 0
    (place,) = trained.glob("test/theirs-*/processed/1")
    shutil.rmtree(place / "b.zarr")
    assert main([*command, "label", "evaluate"]) == INPUT_ERROR
    assert capfd.readouterr().err.startswith("1 of 3 test volumes left out:\nb: ")
    (table,) = place.parents[1].glob("evaluated/*/*/summary.csv")
    assert [line.partition(",")[0] for line in table.read_text().splitlines()][1:3] == ["a", "c"]
    # Of a volume without instances the scores of the others are made all the same.
    assert main([*command, "evaluate"]) == INPUT_ERROR
    assert "b.hdf" in capfd.readouterr().err


def test_where_no_test_volume_can_be_used_there_is_no_table_of_none(trained, tmp_path, capfd):
    make_folder(tmp_path / "theirs", "a")
    write_tiff(tmp_path / "theirs" / "images" / "a.tif", np.zeros((20, 22, 40), np.uint8))
    command = ["-id", "e", "-r", str(trained.parent), "--test-data", str(tmp_path / "theirs"), "-d"]
    assert main([*command, "prepare"]) == INPUT_ERROR
    done = capfd.readouterr()
    assert "constant" in done.err
    assert "Volumes" not in done.out


def test_no_volume_is_to_blame_for_a_damaged_network(trained, tmp_path, capfd):
    make_folder(tmp_path / "theirs", "ab")
    command = ["-id", "e", "-r", str(trained.parent), "--checkpoint", "1", "-d", "predict"]
    path = trained / "train/checkpoints/00000001.keras"
    path.write_bytes(path.read_bytes()[:3000])
    for data in ([], ["--test-data", str(tmp_path / "theirs")]):
        assert main([*command, *data]) == INPUT_ERROR
        assert capfd.readouterr().err.startswith(f"{path}: damaged: ")
    # Nothing was set aside for what cannot be made.
    assert not (trained / "superseded").exists()


def test_the_voxel_size_of_other_test_data_is_given_for_them_alone(trained, tmp_path, capfd):
    make_folder(tmp_path / "theirs", "a")
    before, config = snapshot(trained / "train"), (trained / "config.toml").read_bytes()
    command = ["-id", "e", "-r", str(trained.parent), "--test-data", str(tmp_path / "theirs"), "-d"]
    assert main([*command, *STAGES, "--voxel-size", "3", "2", "2"]) == 0, capfd.readouterr().err
    assert "its voxels are 3 x 2 x 2, those of the training volumes" in " ".join(capfd.readouterr().out.split())
    (sample,) = trained.parent.glob("data/theirs-*/test/a.zarr")
    assert open_sample(sample).voxel_size == (3, 2, 2)
    assert snapshot(trained / "train") == before
    assert (trained / "config.toml").read_bytes() == config


def test_test_volumes_made_worse_are_others(trained, tmp_path, capfd):
    """Beside the results of the volumes as they are, in a folder for each way to make them worse."""
    before = {name: snapshot(trained / name) for name in ("test", "val", "train")}
    config = (trained / "config.toml").read_bytes()
    make_folder(tmp_path / "theirs", "a")
    command = ["-id", "e", "-r", str(trained.parent), "-d", *STAGES, "--test-data", str(tmp_path / "theirs")]
    (tmp_path / "e.toml").write_text(toml.dumps(EVERY_STAGE))
    for number, worse in enumerate(({}, {"gaussian": 20.0, "brightness": 0.5})):
        (tmp_path / "w.toml").write_text(toml.dumps({"data": {"degrade": {"splits": ["test"], **worse}}}))
        assert main([*command, "-c", str(tmp_path / "e.toml"), "-c", str(tmp_path / "w.toml")]) == 0
        assert capfd.readouterr().out.count("data.degrade.gaussian = 20.0") == (number > 0)
        assert len(list(trained.glob("test/theirs-*/evaluated/*/*/scores.csv"))) == number + 1
    for name, files in before.items():
        assert {path: path.read_bytes() for path in files} == files, name
    assert not (trained / "superseded").exists()
    assert (trained / "config.toml").read_bytes() == config
