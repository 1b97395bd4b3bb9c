"""What `-d status` says of an experiment; that it agrees with what the stages do is seen in test_key_effects."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import toml

from auxcpvloss.cli import main
from auxcpvloss.experiment.results import State
from auxcpvloss.stages.status import Row, follow, grouped
from tests.conftest import merge
from tests.stages.conftest import EVERY_STAGE

SCRIPT = Path(__file__).parents[2] / "run_auxcpvloss.py"


@pytest.fixture
def copy(every_stage, tmp_path) -> Path:
    shutil.copytree(every_stage, tmp_path, dirs_exist_ok=True)
    return tmp_path


def status(folder: Path, capfd: pytest.CaptureFixture[str], **change: object) -> list[list[str]]:
    """The rows of the table: stage, what, state, which, why."""
    (folder / "e.toml").write_text(toml.dumps(merge(EVERY_STAGE, change)))
    capfd.readouterr()
    assert main(["-c", str(folder / "e.toml"), "-r", str(folder / "root"), "-d", "status"]) == 0
    rows: list[list[str]] = []
    for line in capfd.readouterr().out.splitlines():
        if line.startswith("│"):
            cells = [cell.strip() for cell in line.strip("│").split("│")]
            if cells[0]:
                rows.append(cells)
            else:
                # The reason goes on in the next line.
                rows[-1] = [f"{a} {b}".strip() for a, b in zip(rows[-1], cells, strict=True)]
    return rows


def not_whole(rows: list[list[str]]) -> dict[tuple[str, str], list[str]]:
    return {(row[0], row[1]): row[2:] for row in rows if row[2] != "whole"}


def test_where_nothing_is_everything_is_missing_and_nothing_is_made(tmp_path, capfd):
    rows = status(tmp_path, capfd)
    assert {row[2] for row in rows} == {"missing"}
    assert {"prepare", "mknet", "train", "validate_checkpoints", "predict", "label", "evaluate", "report"} == {row[0] for row in rows}  # fmt: skip
    assert not (tmp_path / "root").exists()


def test_what_is_whole_is_said_to_be_without_tensorflow_and_without_a_trace(copy):
    """In a process of its own, as a person calls it; not even a line in run.log."""
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    code = (
        f"import sys; sys.argv = ['x', '-id', 'e', '-r', {str(copy / 'root')!r}, '-d', 'status']; from "
        "auxcpvloss.cli import main; status = main(); sys.exit(status or 10 * ('tensorflow' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPT.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("whole") > 15
    assert not re.search("stale|missing|broken", done.stdout)
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before


def test_all_stages_of_a_finished_experiment_need_none_of_the_libraries_that_compute(copy):
    slow = {"gunpowder", "keras", "mahotas", "matplotlib", "numba", "pandas", "scipy", "skimage", "tensorflow"}
    code = (
        f"import sys; sys.argv = ['x', '-id', 'e', '-r', {str(copy / 'root')!r}, '-d', 'all']; from auxcpvloss.cli "
        f"import main; status = main(); print(status, {slow} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPT.parent, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 set()"
    assert "1 whole already" in done.stdout


def test_what_is_stale_makes_stale_what_depends_on_it(copy, capfd):
    found = not_whole(status(copy, capfd, optimizer={"lr": 0.5}))
    assert found["train", "weights"] == ["stale", "", "optimizer.lr was 0.001, is 0.5"]
    assert found["evaluate", "summary"][2].startswith("the training is stale: ")
    for key in (("validate_checkpoints", "selection"), ("evaluate", "summary"), ("cross_validate", "table")):
        assert found[key][0] == "stale"
        assert "optimizer.lr was 0.001, is 0.5" in found[key][2]
    assert ("mknet", "description") not in found


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: dict[str, tuple[str, Callable[[Path], None], tuple[str, str]]] = {
    "a chunk of a volume": ("data/*/train/worm_00.zarr/volumes/raw/0.0.0", Path.unlink, ("prepare", "train")),
    "half a checkpoint": ("e/train/checkpoints/00000002.keras", damage, ("train", "checkpoints")),
    "the record of a training": ("e/train/made_from.json", damage, ("train", "weights")),
    "a chunk of a prediction": ("e/val/processed/1/worm_01.zarr/volumes/pred_threeclass/0.0.0.0", Path.unlink, ("validate_checkpoints", "checkpoint 1, predictions")),
    "half of the instances": ("e/test/instanced/*/*/worm_03.hdf", damage, ("label", "checkpoint 1, instances")),
    "half of the scores of validation": ("e/val/evaluated/1/*0.3*/worm_01.toml", damage, ("validate_checkpoints", "checkpoint 1, scores")),
    "half of the scores": ("e/test/evaluated/*/*/worm_03.toml", damage, ("evaluate", "checkpoint 1, scores")),
    "half of the summary": ("e/test/evaluated/*/*/summary.csv", damage, ("evaluate", "summary")),
    "half of all scores": ("e/test/evaluated/*/*/scores.csv", damage, ("evaluate", "table of all scores")),
    "half of the metric card": ("e/test/evaluated/*/*/metrics.txt", damage, ("evaluate", "metric card")),
    "half of the report": ("e/report.html", damage, ("report", "report.html")),
    "half of the selection": ("e/val/selection.toml", damage, ("validate_checkpoints", "selection")),
    "half of the description": ("e/train/network.txt", damage, ("mknet", "description")),
}  # fmt: skip


def test_what_is_broken_is_said_to_be(copy, capfd):
    """Each is told, with a reason, and status ends as ever."""
    last = ("half of the selection", "the record of a training")
    for name, (pattern, do, _) in DAMAGES.items():
        if name not in last:
            do(next((copy / "root").glob(pattern)))
    found = not_whole(status(copy, capfd))
    for name, (_, _, key) in DAMAGES.items():
        if name not in last:
            assert found[key][0] == "broken", name
            assert found[key][2], name
    for name in last:
        DAMAGES[name][1](next((copy / "root").glob(DAMAGES[name][0])))
    found = not_whole(status(copy, capfd))
    assert found["validate_checkpoints", "selection"][0] == "broken"
    assert "made_from.json" in found["train", "weights"][2]
    assert found["predict", "results"][0] == "missing"


def test_rows_put_together_what_is_alike():
    whole, stale = State("whole"), State("stale", "a was 1, is 2")
    items = [Row("label", "instances", str(n), stale if n == 9 else whole) for n in range(10)]
    assert grouped(items) == [("label", "instances", "whole", "9 of them", ""), ("label", "instances", "stale", "9", "a was 1, is 2")]  # fmt: skip
    assert follow(whole, "the training", stale) == State("stale", "the training is stale: a was 1, is 2")
    assert follow(State("missing"), "the training", stale) == State("missing")
    assert follow(whole, "the training", State("missing")) == whole


def test_status_is_named_alone(copy, capfd):
    assert main(["-id", "e", "-r", str(copy / "root"), "-d", "status", "predict"]) == 2
    assert "cannot be combined with stages" in capfd.readouterr().err
