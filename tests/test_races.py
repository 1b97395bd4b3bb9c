"""Commands on the same data at the same time, as real processes: none fails, and the results are those of one alone.

    pytest -m chaos tests/test_races.py -s

Some ten minutes on two cores. RACE_ROUNDS chooses how many rounds.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import toml

from tests.conftest import SMALL, TINY, merge
from tests.data.volumes import blobs, write_tiff
from tests.results import differences, results

pytestmark = pytest.mark.chaos

ROOT = Path(__file__).parents[1]
ROUNDS = int(os.environ.get("RACE_ROUNDS", "20"))
CONFIG: dict[str, Any] = merge(
    TINY,
    {
        "model": SMALL,
        "training": {"max_iterations": 30, "checkpoints": 15, "snapshots": 30, "num_workers": 1},
        "validation": {"fg_thresh": [0.3, 0.4], "seed_thresh": [0.4, 0.5]},
    },
)


def command(folder: Path, name: str, *arguments: str) -> list[str]:
    return [
        sys.executable, str(ROOT / "run_auxcpvloss.py"), "-c", str(folder / "race.toml"),
        "-r", str(folder / "root"), "-id", name, *arguments,
    ]  # fmt: skip


def start(*arguments: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(*arguments: Any) -> None:
    process = start(*arguments)
    output, error = process.communicate(timeout=600)
    assert (process.returncode, error) == (0, ""), output + error


def write(folder: Path, turn: int) -> None:
    """Give the volumes that are read a content of their own in every other round, by a rename, as careful programs do."""
    for number, split in enumerate(("train", "val", "test")):
        for kind, array in zip(("images", "masks"), blobs((40, 40, 48), seed=10 * turn + number), strict=True):
            file = folder / "data" / split / kind / "a.tif"
            write_tiff(file.with_name(".new.tif"), array)
            file.with_name(".new.tif").replace(file)


class Writer:
    """Prepares the volumes anew, again and again, each time after they have changed if they are to change."""

    def __init__(self, folder: Path, name: str, changing: bool) -> None:
        self.folder, self.name, self.changing, self.times = folder, name, changing, 0
        self.process = self._start()

    def go_on(self) -> None:
        if self.process.poll() is not None:
            self.end()
            self.process = self._start()

    def end(self) -> None:
        output, error = self.process.communicate(timeout=300)
        assert (self.process.returncode, error) == (0, ""), output + error
        self.times += 1

    def _start(self) -> subprocess.Popen[str]:
        if self.changing:
            write(self.folder, self.times % 2)
        return start(self.folder, self.name, "-d", "prepare", "--overwrite")


@pytest.mark.parametrize("changing", [False, True], ids=["the same volumes", "volumes that change"])
def test_volumes_are_prepared_anew_beside_every_stage(tmp_path, changing):
    config = CONFIG
    if changing:
        write(tmp_path, 0)
        config = merge(CONFIG, {"data": {"input_format": "tif", "path": str(tmp_path / "data")}})
    (tmp_path / "race.toml").write_text(toml.dumps(config))
    run(tmp_path, "alone", "-d", "all")
    expected = {
        name: each for name, each in results(tmp_path / "root/alone").items() if not name.startswith("test/vis")
    }
    for turn in range(ROUNDS):
        name = f"round_{turn:02}"
        writer = Writer(tmp_path, f"{name}_prepare", changing)
        reader = start(tmp_path, name, "-d", "train", "validate_checkpoints", "predict", "label", "evaluate")
        while reader.poll() is None:
            writer.go_on()
            time.sleep(0.01)
        output, error = reader.communicate()
        writer.end()
        assert (reader.returncode, error) == (0, ""), output + error
        if not changing:
            found = results(tmp_path / "root" / name)
            assert not differences({each: expected.get(each) for each in found}, found)
        print(f"{name}: prepared anew {writer.times} times beside it", flush=True)
        assert writer.times
