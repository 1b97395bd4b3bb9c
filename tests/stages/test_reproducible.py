"""The same data, configuration and seed give the same bits: whatever the number of processes, and whoever ends the run."""

import csv
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import toml

from auxcpvloss.cli import main
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.system.signals import MESSAGE, STATUS
from tests.conftest import SMALL, TINY, configure, merge
from tests.network.small import small, trainer
from tests.results import differences, results
from tests.stages.test_chain import SCRIPT
from tests.test_cli import HEEDING

CONFIG: dict[str, Any] = merge(
    TINY,
    {
        "model": {**SMALL, "train_input_shape": [16, 16, 16]},
        "data": {"synthetic": {"train": 1, "val": 1, "test": 0}},
        # Neither checkpoints nor what is left between two of them end a line of the log.
        "training": {"max_iterations": 60, "checkpoints": 20, "log_every": 7, "snapshots": 15, "validation_batches": 1},
        "postprocessing": {"fg_thresh": 0.3, "seed_thresh": 0.3},
        "evaluation": {"metric": "confusion_matrix.th_0_1.AP"},
    },
)
CLASSES = {"class_loss": "cross_entropy+dice", "class_balance": "data"}
CASES: dict[str, tuple[signal.Signals, dict[str, Any]]] = {
    "threeclass": (
        signal.SIGTERM,
        {"optimizer": {"lr_schedule": "cosine", "warmup": 30}, "training": {"profiling": 15, **CLASSES}},
    ),
    "threeclass_cpv": (
        signal.SIGKILL,
        {
            "optimizer": {"lr_schedule": "plateau", "plateau_patience": 11, "plateau_factor": 0.5, "average": 0.9},
            # Frozen beyond the checkpoint that is gone on from.
            "init": {"skip": ["heads"], "freeze_iterations": 25},
        },
    ),
}


WORKERS = {"threeclass": (2, 1), "threeclass_cpv": (1, 0)}
"""Processes that make batches for the training that is ended, and for the one that goes on; whole runs have none."""


@dataclass(frozen=True)
class Runs:
    """A root with two experiments: ``whole``, made by one command, and ``ended``, by two."""

    root: Path
    number: signal.Signals
    status: int
    output: str
    error: str
    left: list[str]


def command(root: Path, name: str, workers: int, *stages: str, **change: Any) -> list[str]:
    config = root / f"{name}.toml"
    config.write_text(toml.dumps(merge(merge(CONFIG, change), {"training": {"num_workers": workers}})))
    return ["-c", str(config), "-r", str(root), "-d", *stages]


@pytest.fixture(scope="module", params=CASES)
def runs(request, tmp_path_factory) -> Runs:
    root = tmp_path_factory.mktemp("runs")
    number, change = CASES[request.param]
    change = merge(change, {"model": {"method": request.param}})
    if "init" in change:
        trainer(small(general={"seed": 9})).save(root / "source.keras")
        change["init"]["checkpoint"] = str(root / "source.keras")
    assert main(command(root, "whole", 0, "train", "validate", **change)) == 0
    before, after = WORKERS[request.param]
    arguments = command(root, "ended", before, "train", "validate", **change)
    program = [sys.executable, "-c", HEEDING, sys.executable, str(SCRIPT), *arguments]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_iteration(root / "ended", 28, process)
    process.send_signal(number)
    output, error = process.communicate(timeout=300)
    left = sorted(str(path.relative_to(root / "ended/train")) for path in (root / "ended/train").rglob("*.keras"))
    assert main(command(root, "ended", after, "train", "validate", **change)) == 0
    return Runs(root, number, process.returncode, output, error, left)


def wait_for_iteration(folder: Path, iteration: int, process: subprocess.Popen[str]) -> None:
    log, until = folder / "train/log.csv", time.monotonic() + 600
    while not log.is_file() or not any(line.startswith(f"{iteration},") for line in log.read_text().splitlines()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)


def test_weights_optimizer_losses_snapshots_and_scores_are_bitwise_equal(runs):
    whole, ended = results(runs.root / "whole"), results(runs.root / "ended")
    for kind in (".keras", "log.csv", "validation.csv", "batch_00000045.hdf", "val/processed/60/worm_01.zarr", ".toml"):
        assert any(name.endswith(kind) for name in whole)
    assert differences(whole, ended) == []
    with (runs.root / "ended/train/log.csv").open() as file:
        assert [row["iteration"] for row in csv.DictReader(file)] == [str(i) for i in range(7, 61, 7)]


def test_the_run_was_ended_as_planned(runs):
    if runs.number == signal.SIGKILL:
        assert (runs.status, runs.left) == (-9, ["checkpoints/00000020.keras"])
        return
    assert (runs.status, runs.error) == (STATUS[runs.number], f"{MESSAGE[runs.number]}\n")
    (regular, kept) = runs.left
    assert regular == "checkpoints/00000020.keras"
    assert kept.startswith("resume/000000")
    # After the iteration that was under way, long before the next checkpoint; and gone when that was written.
    assert 28 <= int(Path(kept).stem) < 40
    assert f"stop requested: iteration {int(Path(kept).stem)} is saved in" in runs.output
    assert f"continuing from the end of iteration {int(Path(kept).stem)}" in (runs.root / "ended/run.log").read_text()
    assert not list((runs.root / "ended/train/resume").iterdir())


once = pytest.mark.parametrize("runs", ["threeclass"], indirect=True)


@pytest.fixture
def copy(runs, tmp_path) -> Path:
    """Root with finished experiments."""
    shutil.copytree(runs.root, tmp_path / "root")
    return tmp_path / "root"


def again(root: Path, *stages: str, **change: Any) -> int:
    _, case = CASES["threeclass"]
    return main(command(root, "whole", 0, *stages, **merge(merge(case, {"model": {"method": "threeclass"}}), change)))


@once
def test_a_damaged_checkpoint_is_named_and_training_takes_the_one_before(copy, capfd):
    folder = copy / "whole/train/checkpoints"
    whole = (folder / "00000060.keras").read_bytes()
    (folder / "00000060.keras").write_bytes(whole[:3000])
    assert again(copy, "validate", general={"overwrite": True}) == 2
    error = capfd.readouterr().err
    assert error.startswith(f"{folder / '00000060.keras'}: damaged: File is not a zip file.\n")
    assert "The stage train makes the newest checkpoint again" in error
    # And one that training left in the middle, newer than any whole checkpoint, is damaged too.
    (folder / "00000040.keras").write_bytes(b"")
    (copy / "whole/train/resume").mkdir(exist_ok=True)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 4
    (copy / "whole/train/resume/00000050.keras").write_bytes(flipped)
    assert again(copy, "train", "validate") == 0
    text = capfd.readouterr().out
    for name in ("checkpoints/00000060", "resume/00000050", "checkpoints/00000040"):
        assert f"{name}.keras: damaged" in text
        assert (copy / f"whole/train/{name}.keras.corrupt").is_file()
    assert "continuing from the checkpoint of iteration 20" in text
    assert (folder / "00000060.keras").read_bytes() == whole
    assert differences(results(copy / "whole"), results(copy / "ended")) == []


@once
def test_a_weight_that_is_no_number_is_never_saved(copy, capfd):
    """The loss of the last iteration is one still: it is the update after it that breaks the weights."""
    shutil.rmtree(copy / "whole")
    broken = {
        "training": {"max_iterations": 1},
        "model": {"loss_threeclass_coeff": 1e14},
        "optimizer": {"lr": 1e30, "lr_schedule": "constant", "warmup": 0, "optimizer": "SGD"},
    }
    assert again(copy, "train", **broken) == 1
    error = capfd.readouterr().err
    batch = copy / "whole/train/snapshots/not_finite_00000001.hdf"
    assert error.startswith(f"A weight is not finite (NaN or infinite) at iteration 1; the batch is in {batch}.")
    assert not list((copy / "whole").rglob("*.keras"))
    with h5py.File(batch) as file:
        assert {"raw", "region", "gt_threeclass"} == set(file["volumes"])
        assert np.isfinite(file["losses/loss"][()])


@once
def test_what_was_left_between_checkpoints_is_no_other_training(copy, capfd):
    """Not gone on from with other keys, and not where the training was made shorter."""
    shutil.copytree(copy / "whole/train/checkpoints", copy / "whole/train/resume", dirs_exist_ok=True)
    shutil.rmtree(copy / "whole/train/checkpoints")
    assert again(copy, "predict", optimizer={"lr": 0.5}) == 2
    assert "optimizer.lr was 0.001, is 0.5" in capfd.readouterr().err
    experiment = Experiment(copy / "whole", configure())
    assert (list(experiment.checkpoints.states()), experiment.checkpoints.iterations()) == ([20, 40, 60], [])
    assert again(copy, "train") == 0
    assert "continuing from the end of iteration 40" in capfd.readouterr().out
    assert (experiment.checkpoints.iterations(), list(experiment.checkpoints.states())) == ([60], [60])


def test_determinism_is_switched_on_where_it_is_wanted():
    from tensorflow.python.framework import config

    # There is no public way back, since a program should need none.
    config.disable_op_determinism()
    trainer(small(general={"deterministic": False}))
    assert not config.is_op_determinism_enabled()
    trainer(small())
    assert config.is_op_determinism_enabled()
