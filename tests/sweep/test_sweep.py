"""Sweeps: real files and processes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import toml

from auxcpvloss.cli import main
from tests.conftest import SMALL, TINY, merge
from tests.once import made_once
from tests.stages.test_chain import files

SCRIPT = Path(__file__).parents[2] / "run_auxcpvloss.py"
STAGES = ["train", "validate_checkpoints", "predict", "label", "evaluate"]
BASE = merge(TINY, {"model": {**SMALL, "method": "threeclass"}, "training": {"max_iterations": 2, "snapshots": 0}})
GRID: dict[str, Any] = {"config": ["base.toml"], "stages": STAGES, "grid": {"optimizer": {"lr": [0.001, 0.01]}}}


def write(folder: Path, sweep: dict[str, Any], **change: Any) -> list[str]:
    (folder / "base.toml").write_text(toml.dumps(merge(BASE, change)))
    (folder / "s.toml").write_text(toml.dumps(sweep))
    return ["sweep", str(folder / "s.toml"), "-r", str(folder / "root")]


@pytest.fixture(scope="session")
def swept(tmp_path_factory) -> Path:
    """A folder with a sweep of two runs that is done."""

    def make(folder: Path) -> None:
        assert main([*write(folder, GRID), "--jobs", "2"]) == 0

    return made_once(tmp_path_factory, "sweep", make)


def test_runs_have_their_keys_and_are_compared(swept):
    for value in (0.001, 0.01):
        config = toml.loads((swept / f"root/lr_{value}/config.toml").read_text())
        assert (config["optimizer"]["lr"], config["model"]["num_fmaps"]) == (value, 2)
        assert toml.loads((swept / f"root/sweep/lr_{value}.toml").read_text())["optimizer"]["lr"] == value
    page = (swept / "root/comparison/report.html").read_text()
    assert "lr_0.001" in page
    assert "lr_0.01" in page


def test_what_is_complete_is_not_run_again_and_what_is_new_is(swept, tmp_path, capsys):
    shutil.copytree(swept, tmp_path, dirs_exist_ok=True)
    before = files(tmp_path / "root/lr_0.01")
    given = write(tmp_path, merge(GRID, {"grid": {"optimizer": {"lr": [0.01, 0.1]}}, "stages": ["train"]}))
    assert main([*given, "--status"]) == 0
    table = capsys.readouterr().out
    assert "0 of 2" in table
    assert "2 of 2" in table
    assert not (tmp_path / "root/lr_0.1").exists()
    assert main(given) == 0
    assert "1 of 2 runs are complete" in capsys.readouterr().out
    assert files(tmp_path / "root/lr_0.01") == before
    assert (tmp_path / "root/lr_0.1/train/checkpoints/00000002.keras").is_file()


def test_a_dry_run_names_the_commands_and_writes_nothing(tmp_path, capsys):
    given = write(tmp_path, GRID)
    assert main([*given, "--dry-run"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [line[line.index("-id") + 1] for line in lines] == ["lr_0.001", "lr_0.01"]
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ({"grids": {}}, ["s.toml: grids", "unknown key"]),
        ({"stages": ["trian"]}, ["s.toml: stages", "trian"]),
        ({"stages": []}, ["s.toml: stages"]),
        ({"seeds": [1, 1]}, ["s.toml: seeds"]),
        ({"seeds": [-1]}, ["s.toml: seeds"]),
        ({"seeds": ["1"]}, ["s.toml: seeds", "whole number"]),
        ({"folds": [1]}, ["s.toml: lr_0.001_fold1", "data.num_folds"]),
        ({"grid": {"optimizer": {"lr": [0.1, "a"]}}}, ["s.toml: a: optimizer.lr", "number"]),
        ({"grid": {"optimizer": {"rate": [0.1]}}}, ["s.toml: rate_0.1: optimizer.rate", "unknown key"]),
        ({"config": ["other.toml"]}, ["other.toml"]),
        ({"app": "nothing"}, ["nothing"]),
        ({"runs": {"sweep": {}}}, ["'sweep'"]),
        ({"runs": {"..": {}}}, ["'..'"]),
    ],
)
def test_a_wrong_file_is_refused_and_nothing_is_written(tmp_path, capsys, sweep, said):
    assert main(write(tmp_path, {**GRID, **sweep})) == 2
    error = capsys.readouterr().err
    assert all(words in error for words in said), error
    assert not (tmp_path / "root").exists()


def test_the_others_are_made_where_a_run_fails(tmp_path, capsys):
    bad = {"data": {"input_format": "tif", "path": str(tmp_path / "nowhere")}}
    given = write(tmp_path, {"config": ["base.toml"], "stages": ["prepare"], "runs": {"bad": bad, "good": {}}})
    assert main(given) == 1
    shown = capsys.readouterr()
    assert "1 of 2 runs failed: bad" in shown.err
    assert "nowhere" in shown.out
    assert list((tmp_path / "root/data").glob("*/train/*.zarr"))
    assert "nowhere" in (tmp_path / "root/sweep/bad.txt").read_text()


@pytest.mark.chaos
def test_a_signal_ends_the_runs_and_the_same_command_continues(tmp_path):
    given = write(tmp_path, {**GRID, "stages": ["train"]}, training={"max_iterations": 100_000, "checkpoints": 100_000})
    process = subprocess.Popen([sys.executable, SCRIPT, *given, "--jobs", "2"], stderr=subprocess.PIPE, text=True)
    logs = [tmp_path / f"root/lr_{value}/train/log.csv" for value in (0.001, 0.01)]
    until = time.monotonic() + 240
    while not all(log.is_file() and log.read_text().count("\n") > 1 for log in logs):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 75
    assert "The same command continues" in error
    # No process of a run is left, and each has kept what it had done.
    root = str(tmp_path / "root").encode()
    for _ in range(200):
        left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if _holds(path, root)]
        if not left:
            break
        time.sleep(0.1)
    assert not left
    for log in logs:
        assert [path.suffix for path in (log.parent / "resume").iterdir()] == [".keras"]


def _holds(path: Path, words: bytes) -> bool:
    try:
        return words in path.read_bytes() and path.parent.name != str(os.getpid())
    except OSError:
        return False
