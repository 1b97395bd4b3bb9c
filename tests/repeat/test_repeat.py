from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import toml

from auxcpvloss.cli import INPUT_ERROR
from auxcpvloss.cli import main as command_line
from auxcpvloss.experiment.provenance import NAME
from auxcpvloss.repeat.__main__ import main
from tests.conftest import TINY, blobs, merge


@pytest.fixture
def original(tmp_path) -> Path:
    """An experiment whose one volume, a file, was prepared."""
    labels = blobs((24, 24, 24), 4, seed=0)
    for kind, array in (("images", (labels > 0).astype(np.uint8) * 100), ("masks", labels.astype(np.uint16))):
        (tmp_path / "train" / kind).mkdir(parents=True)
        tifffile.imwrite(tmp_path / "train" / kind / "a.tif", array, photometric="minisblack")
    change = {"data": {"input_format": "tif", "train_data": str(tmp_path / "train")}}
    (tmp_path / "mine.toml").write_text(toml.dumps(merge(TINY, change)))
    arguments = ["-c", str(tmp_path / "mine.toml"), "-r", str(tmp_path / "root"), "-d", "prepare"]
    assert command_line(arguments) == 0
    return tmp_path / "root" / "mine"


def change_record(folder: Path, change: Callable[[dict, dict], None]) -> None:
    """Change the first command of a record, or the tables that commands share."""
    record = json.loads((folder / NAME).read_text())
    change(record["commands"][0], record)
    (folder / NAME).write_text(json.dumps(record))


def other_library(command: dict, record: dict) -> None:
    versions = record["libraries"][command["libraries"]]
    versions.update({"zarr": "2.0", "a-package": "1.0"})


CHANGES = {
    "sources": (lambda command, _: command["code"].update(sources="0" * 64), "code: version 0.1.0, sources 000000000000"),
    "python": (lambda command, _: command.update(python="3.9.1"), "Python: 3.9.1, now 3."),
    "library": (other_library, "zarr: 2.0, now 2."),
    "other library": (other_library, "1 other libraries: a-package: 1.0, now not there"),
    "cores": (lambda command, _: command["machine"].update(cores=999), "cores: 999, now "),
    "variable": (lambda command, _: command["environment"].update(TF_XLA_FLAGS="1"), "TF_XLA_FLAGS: 1, now not there"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES)
def test_what_is_not_as_it_was_is_told_and_refused_if_strict(original, change, expected, capfd):
    change_record(original, change)
    assert main([str(original), "--strict"]) == INPUT_ERROR
    said, error = capfd.readouterr()
    assert [line for line in said.splitlines() if line.startswith(f"not as it was: {expected}")]
    assert "nothing was run" in error
    assert not original.parent.with_name("root-repeat").exists()


def test_volumes_that_changed_or_are_gone_are_told(original, capfd):
    image = original.parents[1] / "train" / "images" / "a.tif"
    tifffile.imwrite(image, tifffile.imread(image) + 1, photometric="minisblack")
    assert main([str(original), "--strict"]) == INPUT_ERROR
    assert "not as it was: data: train a: checksum " in capfd.readouterr().out
    image.unlink()
    assert main([str(original), "--strict"]) == INPUT_ERROR
    assert "not as it was: data: " in capfd.readouterr().out


def test_folders_that_do_not_serve_are_refused(original, tmp_path, capfd):
    assert main([str(tmp_path)]) == INPUT_ERROR
    assert f"{tmp_path / NAME}: not there" in capfd.readouterr().err
    assert main([str(original), str(original.parent)]) == INPUT_ERROR
    assert "holds the experiment itself" in capfd.readouterr().err
    (tmp_path / "other" / "mine").mkdir(parents=True)
    assert main([str(original), str(tmp_path / "other")]) == INPUT_ERROR
    assert "there is an experiment already" in capfd.readouterr().err


def test_a_repeat_runs_what_was_recorded_and_goes_on_where_it_was(original, tmp_path, capfd):
    # Changed or gone since: the recorded configuration counts.
    (tmp_path / "mine.toml").unlink()
    change_record(original, lambda command, _: command.update(outcome=None, ended=None))
    for said in ("1 train, 0 val, 0 test volumes in", "1 of them whole already"):
        assert main([str(original), str(tmp_path / "again")]) == 0
        text, error = capfd.readouterr()
        assert error == ""
        assert "not as it was" not in text
        assert said in text
        assert text.endswith("bitwise equal: 0 of 0 checkpoints, 0 of 0 files of scores\n")
    copy = tmp_path / "again" / "mine" / "config.toml"
    assert copy.read_text() == (original / "config.toml").read_text()
    # Another record is another experiment.
    change_record(original, lambda command, _: command.update(folder="/elsewhere"))
    assert main([str(original), str(tmp_path / "again")]) == INPUT_ERROR
