"""What a stage gets that says what its results are and how to make one, and nothing else."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toml

from auxcpvloss.cli import main
from auxcpvloss.stages.order import STAGES
from tests.conftest import merge
from tests.stages.conftest import EVERY_STAGE, SCRIPT
from tests.stages.toy import Toy


@pytest.fixture
def toy(tmp_path, monkeypatch, capfd):
    """Run a command with the toy stage on four volumes; gives status and what was said."""
    monkeypatch.setitem(STAGES, "toy", Toy())

    def run(*arguments: str, **change: object) -> tuple[int, str]:
        config = merge(EVERY_STAGE, {"data": {"synthetic": {"test": 4}}, **change})
        (tmp_path / "e.toml").write_text(toml.dumps(config))
        status = main(["-c", str(tmp_path / "e.toml"), "-r", str(tmp_path / "root"), "-d", *arguments])
        said = capfd.readouterr()
        return status, said.out + said.err

    return run


def written(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "test" / "counted").glob("*.txt")}


def test_it_is_planned_made_once_and_made_again_where_a_key_changed(toy, tmp_path):
    folder = tmp_path / "root" / "e"
    status, said = toy("toy", "--dry-run")
    assert status == 0
    assert "toy                  would do: test (worm_03, worm_04, worm_05, worm_06)" in said
    assert not folder.exists()
    # Volumes that it works on are prepared.
    status, said = toy("toy")
    assert (status, "4 results, 4 of them made now" in said) == (0, True)
    before = written(folder)
    assert len(before) == 4
    assert "4 results, 0 of them made now" in toy("toy")[1]
    assert written(folder) == before
    stages = json.loads((folder / "provenance.json").read_text())["commands"][0]["stages"]
    assert [(stage["stage"], stage["outcome"]) for stage in stages][-1] == ("toy", "done")
    (folder / "test" / "counted" / "worm_03.txt").write_text("damaged")
    said = toy("status", evaluation={"colors": "colorblind"})[1]
    rows = [line for line in said.splitlines() if line.startswith("│ toy")]
    assert len(rows) == 2
    assert any("broken" in row and "changed since it was written" in said for row in rows)
    assert any("stale" in row and "3 of them" not in row for row in rows)
    assert "evaluation.colors was" in said
    status, said = toy("toy", evaluation={"colors": "colorblind"})
    assert "counts made again: evaluation.colors was 'paper', is 'colorblind'" in said
    (kept,) = (folder / "superseded").iterdir()
    assert {path.name for path in (kept / "test" / "counted").iterdir()} == before.keys()
    assert not written(folder).items() & before.items()


def test_killed_it_goes_on_where_it_was_and_meanwhile_nobody_else_may(toy, tmp_path):
    toy("prepare")
    folder = tmp_path / "root" / "e"
    command = [sys.executable, "-m", "tests.stages.toy", "-id", "e", "-r", str(tmp_path / "root"), "-d", "toy"]
    process = subprocess.Popen(command, cwd=SCRIPT.parent, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not written(folder):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    status, said = toy("toy")
    assert (status, "in use by process" in said) == (2, True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = written(folder)
    assert 0 < len(before) < 4
    status, said = toy("toy")
    # The last one may have been written but not recorded.
    assert (status, len(written(folder))) == (0, 4)
    assert len(before.items() & written(folder).items()) >= len(before) - 1
