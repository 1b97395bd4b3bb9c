"""The whole chain, as real processes on real files."""

import csv
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import toml
import zarr

from auxcpvloss.cli import main
from auxcpvloss.experiment.provenance.document import NAME, Document
from tests.conftest import SMALL, TINY, merge
from tests.data.l1_zip import make_l1_zip
from tests.results import differences, results

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "run_auxcpvloss.py"


def command(folder: Path, *arguments: str, **change: Any) -> list[str]:
    config = folder / "chain.toml"
    config.write_text(toml.dumps(merge(TINY, change)))
    return ["-c", str(config), "-r", str(folder / "root"), *arguments]


def files(folder: Path) -> dict[Path, int]:
    """When each result was written; what every command writes anew is left out."""
    return {
        path: path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("run.log", "config.toml", "provenance.json")
    }  # fmt: skip


GRID: dict[str, Any] = {
    "validation": {"fg_thresh": [0.3, 0.5], "seed_thresh": [0.34, 0.5], "param_product": True},
    # The network has learned nothing; of the thousand specks that it finds, each would get a picture in the report.
    "postprocessing": {"min_size": 200},
}


@pytest.fixture(scope="module")
def chain(tmp_path_factory) -> Path:
    """An experiment that ran from prepare to evaluate."""
    folder = tmp_path_factory.mktemp("chain")
    arguments = command(folder, "-d", "all", training={"num_workers": 1}, **GRID)
    done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (folder / "terminal.txt").write_text(done.stdout)
    return folder


def test_everything_is_where_it_belongs(chain):
    experiment = chain / "root" / "chain"
    selection = tomllib.loads((experiment / "val" / "selection.toml").read_text())
    checkpoint = selection["checkpoint"]
    slug = f"fg_thresh_{selection['params']['fg_thresh']}_seed_thresh_{selection['params']['seed_thresh']}_min_size_200"
    there = {str(path.relative_to(experiment)) for path in experiment.rglob("*")}
    assert {
        "config.toml", "run.log", "provenance.json", "report.html", "train/network.json", "train/network.txt", "train/log.csv",
        "train/checkpoints/00000002.keras", "train/checkpoints/00000004.keras",
        "train/snapshots/batch_00000002.hdf", "val/scores.csv",
        f"test/processed/{checkpoint}/worm_03.zarr", f"test/instanced/{checkpoint}/{slug}/worm_03.hdf",
        f"test/instanced/{checkpoint}/{slug}/worm_03.csv",
        f"test/evaluated/{checkpoint}/{slug}/worm_03.toml", f"test/evaluated/{checkpoint}/{slug}/worm_03.png",
        f"test/evaluated/{checkpoint}/{slug}/summary.csv",
    } <= there  # fmt: skip
    assert list((experiment / "train" / "tensorboard").glob("events*"))
    assert not [name for name in there if ".tmp" in name]
    prediction = zarr.open(str(experiment / f"test/processed/{checkpoint}/worm_03.zarr"), mode="r")
    assert prediction["volumes/pred_threeclass"].shape == (3, 40, 40, 60)
    assert "pred_cpv" not in prediction["volumes"]
    with h5py.File(experiment / f"test/instanced/{checkpoint}/{slug}/worm_03.hdf") as file:
        assert (file["volumes/instances"].shape, file["volumes/instances"].dtype) == ((40, 40, 60), np.uint32)


@pytest.mark.chaos
def test_the_chain_is_repeated_from_its_record(chain, tmp_path):
    """The recorded command gives the same weights and scores, bit by bit."""
    original = tmp_path / "root" / "chain"
    shutil.copytree(chain / "root" / "chain", original)
    _, *arguments = shlex.split(Document.read(original / NAME).repeat_command(original))
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True)
    assert differences(results(original), results(tmp_path / "root" / "chain_again")) == []


def test_the_terminal_shows_a_line_a_stage_and_the_table(chain):
    text = (chain / "terminal.txt").read_text()
    for stage in ("prepare", "mknet", "train", "validate_checkpoints", "predict", "label", "evaluate", "report"):
        assert any(line.startswith(stage) for line in text.splitlines())
    assert "avAP" in text
    assert "worm_03.png" in text


def test_every_checkpoint_and_set_of_parameters_is_scored(chain):
    with (chain / "root/chain/val/scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["checkpoint"], row["fg_thresh"], row["seed_thresh"]) for row in rows} == {
        (c, f, s) for c in ("2", "4") for f in ("0.3", "0.5") for s in ("0.34", "0.5")
    }
    selection = tomllib.loads((chain / "root/chain/val/selection.toml").read_text())
    scores = [float(row["confusion_matrix.th_0_5.AP"]) for row in rows]
    best = rows[scores.index(max(scores))]
    # The first of the best: the earlier checkpoint.
    assert selection["checkpoint"] == int(best["checkpoint"])
    assert selection["params"]["seed_thresh"] == float(best["seed_thresh"])


def test_the_log_has_every_iteration_once(chain):
    with (chain / "root/chain/train/log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["iteration"] for row in rows] == ["1", "2", "3", "4"]
    for row in rows:
        parts = float(row["threeclass_loss"]) + float(row["cpv_loss"])
        assert float(row["loss"]) == pytest.approx(parts, rel=1e-3)


def test_a_snapshot_shows_what_the_network_saw(chain):
    with h5py.File(chain / "root/chain/train/snapshots/batch_00000002.hdf") as file:
        volumes = file["volumes"]
        assert volumes["raw"].shape == (1, 1, 44, 44, 44)
        assert volumes["gt_cpv"].shape == volumes["pred_cpv"].shape == (1, 3, 4, 4, 4)
        assert volumes["gt_cpv"].attrs["offset"].tolist() == [20, 20, 20]


def test_what_is_whole_is_not_made_again(chain, capfd):
    before = files(chain / "root")
    assert main(["-id", "chain", "-r", str(chain / "root"), "-d", "all"]) == 0
    assert files(chain / "root") == before
    text = capfd.readouterr().out
    assert "4 of them whole already" in text
    assert "whole already: checkpoint of iteration 4" in text
    assert "whole already: best of 2 checkpoints x 4 parameter sets" in text
    assert "(1 whole already)" in text


def test_a_training_is_made_longer_and_only_what_depends_on_it_is_new(chain, tmp_path, capfd, monkeypatch):
    shutil.copytree(chain / "root", tmp_path / "root")
    before = files(tmp_path / "root")
    config = toml.dumps(merge(TINY, {"training": {"max_iterations": 6}}))
    (tmp_path / "chain.toml").write_text(config)
    assert main(["-c", str(tmp_path / "chain.toml"), "-r", str(tmp_path / "root"), "-d", "train"]) == 0
    text = capfd.readouterr().out
    assert "continuing from the checkpoint of iteration 4" in text
    assert "the bits differ" not in text
    after = files(tmp_path / "root")
    assert {"00000006.keras", "batch_00000006.hdf"} <= {path.name for path in after if path not in before}
    assert {path.name for path, written in before.items() if after[path] != written} <= {"log.csv", "made_from.json"}
    # As on another kind of processor.
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "ALL")
    (tmp_path / "chain.toml").write_text(config.replace("max_iterations = 6", "max_iterations = 7"))
    assert main(["-c", str(tmp_path / "chain.toml"), "-r", str(tmp_path / "root"), "-d", "train"]) == 0
    trained = re.search(r"trained with (.+) before, with (.+) now: the bits differ", capfd.readouterr().out)
    assert ["up to ALL" in arithmetic for arithmetic in trained.groups()] == [False, True]
    # Another learning rate is another training: what is there is used by nobody, and kept where training begins anew.
    (tmp_path / "chain.toml").write_text(config.replace("lr = 0.001", "lr = 0.002"))
    arguments = ["-c", str(tmp_path / "chain.toml"), "-r", str(tmp_path / "root"), "-d"]
    assert main([*arguments, "predict"]) == 2
    assert "optimizer.lr was 0.001, is 0.002" in capfd.readouterr().err
    old = files(tmp_path / "root/chain/train/checkpoints")
    assert main([*arguments, "train"]) == 0
    assert "training starts from the beginning because optimizer.lr was 0.001, is 0.002" in capfd.readouterr().out
    (kept,) = (tmp_path / "root/chain/superseded").iterdir()
    assert list(files(kept / "train/checkpoints").values()) == list(old.values())
    assert (kept / "val/selection.toml").is_file()
    assert (kept / "config.toml").is_file()


def test_a_missing_checkpoint_and_a_missing_prediction_are_named(chain, tmp_path, capfd):
    shutil.copytree(chain / "root", tmp_path / "root")
    root = ["-id", "chain", "-r", str(tmp_path / "root")]
    assert main([*root, "--checkpoint", "3", "-d", "predict"]) == 2
    assert "no checkpoint of iteration 3" in capfd.readouterr().err
    shutil.rmtree(tmp_path / "root/chain/test")
    for stage, missing in (("label", "predict"), ("evaluate", "label")):
        assert main([*root, "--checkpoint", "4", "-d", stage]) == 2
        assert f"Run the stage {missing}." in capfd.readouterr().err
        assert main([*root, "--checkpoint", "4", "-d", missing]) == 0
    assert main([*root, "--checkpoint", "4", "-d", "evaluate"]) == 0


def test_before_validation_there_is_no_best_checkpoint(tmp_path, capfd):
    assert main(command(tmp_path, "-d", "prepare", "predict")) == 2
    assert "Run the stage validate_checkpoints" in capfd.readouterr().err


def test_a_checkpoint_newer_than_the_validation_is_pointed_at(chain, tmp_path, capfd):
    shutil.copytree(chain / "root", tmp_path / "root")
    checkpoints = tmp_path / "root/chain/train/checkpoints"
    arguments = ["-id", "chain", "-r", str(tmp_path / "root"), "-d", "predict"]
    assert main(arguments) == 0
    assert "newer than the validation" not in capfd.readouterr().out
    shutil.copy(checkpoints / "00000004.keras", checkpoints / "00000005.keras")
    assert main(arguments) == 0
    assert "checkpoint 5 is newer than the validation" in capfd.readouterr().out


def test_missing_volumes_are_told_before_training(tmp_path, capfd):
    arguments = command(tmp_path, "-d", "all", data={"synthetic": {"val": 0}}, model=SMALL)
    assert main(arguments) == 2
    error = capfd.readouterr().err
    assert "data.val_data" in error
    assert "--test-checkpoint last" in error
    assert not (tmp_path / "root").exists()
    assert main([*arguments, "--test-checkpoint", "last"]) == 0


def test_a_loss_that_is_no_number_ends_training(tmp_path, capfd):
    assert main(command(tmp_path, "-d", "prepare", "train", optimizer={"lr": 1e30}, model=SMALL)) == 1
    batches = list((tmp_path / "root/chain/train/snapshots").glob("not_finite_*.hdf"))
    assert len(batches) == 1
    error = capfd.readouterr().err
    assert re.match(r"(The loss|A weight) is not finite \(NaN or infinite\) at iteration \d; the batch is in ", error)
    assert str(batches[0]) in error


def test_only_the_checkpoints_asked_for_are_validated(chain, tmp_path, capfd):
    shutil.copytree(chain / "root", tmp_path / "root")
    for wanted, status in ((2, 0), (3, 2)):
        (tmp_path / "chain.toml").write_text(toml.dumps(merge(TINY, {"validation": {"checkpoints": [wanted]}})))
        arguments = ["-c", str(tmp_path / "chain.toml"), "-r", str(tmp_path / "root"), "-d", "validate_checkpoints"]
        assert main(arguments) == status
    rows = (tmp_path / "root/chain/val/scores.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["2"]
    assert "no checkpoint of iteration 3" in capfd.readouterr().err


def test_results_follow_what_they_were_made_from(chain, tmp_path):
    """Another file under a checkpoint's name: prediction, instances, scores and picture of it are made again."""
    shutil.copytree(chain / "root", tmp_path / "root")
    experiment = tmp_path / "root" / "chain"
    arguments = ["-id", "chain", "-r", str(tmp_path / "root"), "--checkpoint", "4", "-d", "predict", "label", "evaluate"]  # fmt: skip
    assert main(arguments) == 0
    shutil.copy(experiment / "train/checkpoints/00000002.keras", experiment / "train/checkpoints/00000004.keras")
    before = files(experiment / "test")
    assert main(arguments) == 0
    after = files(experiment / "test")
    same = {path.relative_to(experiment).parts[1:3] for path, written in after.items() if before.get(path) == written}
    changed = {path.suffix or path.name for path, written in after.items() if before.get(path) != written}
    assert {".hdf", ".toml", ".png", ".zattrs"} <= changed
    # All of checkpoint 4, and nothing of any other one.
    assert "4" not in {checkpoint for _, checkpoint in same}
    assert (main(arguments), files(experiment / "test")) == (0, after)


def kill_when(arguments: list[str], ready: Callable[[], bool]) -> None:
    process = subprocess.Popen([sys.executable, SCRIPT, *arguments], stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 120
        while not ready():
            assert process.poll() is None, "ended before it could be killed"
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.chaos
def test_killed_in_training_and_in_prediction_the_same_command_completes(tmp_path):
    """And ends with the weights of a run that nobody disturbed."""
    change: Mapping[str, Any] = {
        "training": {"max_iterations": 12, "checkpoints": 4, "snapshots": 0, "num_workers": 1},
        # Many small tiles, so that there is time to kill between two of them.
        "data": {"synthetic": {"train": 1}},
        "model": {"test_input_shape": [52, 52, 52]},
    }
    arguments = command(tmp_path, "-d", "all", **change)
    experiment = tmp_path / "root" / "chain"
    checkpoints = experiment / "train" / "checkpoints"
    kill_when(arguments, lambda: (checkpoints / "00000004.keras").exists())
    assert not (checkpoints / "00000012.keras").exists()
    kill_when(arguments, lambda: any((experiment / "val").glob("processed/*/.tmp-*/volumes/pred_threeclass/0.*")))
    done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "whole already: checkpoint of iteration 12" in done.stdout
    assert "avAP" in done.stdout
    assert not list(tmp_path.rglob(".tmp-*"))
    quiet = tmp_path / "undisturbed"
    quiet.mkdir()
    assert main(command(quiet, "-d", "prepare", "train", **change)) == 0
    paths = [root / "root/chain/train/checkpoints/00000012.keras" for root in (tmp_path, quiet)]
    for one, other in zip(*map(weights, paths), strict=True):
        np.testing.assert_array_equal(one, other)


def weights(path: Path) -> list[np.ndarray]:
    import io
    import zipfile

    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        found: list[np.ndarray] = []
        file.visititems(lambda name, item: found.append(item[()]) if isinstance(item, h5py.Dataset) else None)
        return found


def test_a_dead_worker_ends_training_with_a_line(tmp_path, capfd):
    training = {"max_iterations": 10_000, "checkpoints": 5_000, "num_workers": 1}
    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(kill_worker, tmp_path / "root/chain/train/log.csv")
        assert main(command(tmp_path, "-d", "prepare", "train", training=training, model=SMALL)) == 1
        killed.result()
    error = capfd.readouterr().err
    assert error.startswith("A process that makes batches ended: killed by the system (SIGKILL)")
    assert len(error.splitlines()) == 1


def kill_worker(log: Path) -> None:
    """Kill the process that makes batches for the training in this one, as soon as that has a log."""
    until = time.monotonic() + 120
    while not log.exists() or log.stat().st_size == 0:
        assert time.monotonic() < until
        time.sleep(0.05)
    children = {
        child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()
    }
    (worker,) = (int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes())
    os.kill(worker, signal.SIGKILL)


def test_the_published_zip_is_imported_trained_on_and_evaluated(tmp_path, capfd):
    make_l1_zip(tmp_path / "c_elegans_nuclei.zip")
    config = {
        "data": {"input_format": "zip", "path": str(tmp_path / "c_elegans_nuclei.zip"), "voxel_size": [1, 1, 1]},
        "model": {**SMALL, "method": "threeclass"},
    }
    assert main(command(tmp_path, "-d", "all", **config)) == 0
    assert "avAP" in capfd.readouterr().out


def test_volumes_without_ground_truth_are_predicted_and_labelled(chain, tmp_path, capfd):
    images = tmp_path / "unlabelled" / "images"
    images.mkdir(parents=True)
    tifffile.imwrite(images / "new.tif", np.random.default_rng(0).integers(0, 255, (30, 35, 45), dtype=np.uint16))
    config = merge(TINY, {"data": {"test_data": str(tmp_path / "unlabelled")}, **GRID})
    (tmp_path / "chain.toml").write_text(toml.dumps(config))
    stages = ["-d", "prepare", "predict", "label", "evaluate"]
    assert main(["-c", str(tmp_path / "chain.toml"), "-r", str(chain / "root"), *stages]) == 0
    text = capfd.readouterr().out
    assert "new: " in text
    assert "nothing to score" in text
    assert list((chain / "root/chain/test/instanced").rglob("new.png"))


@pytest.mark.parametrize("output_format", ["hdf", "zarr"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_formats_and_types_of_results(chain, tmp_path, output_format, dtype):
    shutil.copytree(chain / "root", tmp_path / "root")
    config = merge(TINY, {"postprocessing": {"output_format": output_format, "fg_thresh": 0.4}, "prediction": {"dtype": dtype}})  # fmt: skip
    (tmp_path / "chain.toml").write_text(toml.dumps(config))
    stages = ["--checkpoint", "4", "-d", "predict", "label", "evaluate"]
    assert main(["-c", str(tmp_path / "chain.toml"), "-r", str(tmp_path / "root"), *stages]) == 0
    experiment = tmp_path / "root" / "chain"
    assert zarr.open(str(experiment / "test/processed/4/worm_03.zarr"))["volumes/pred_threeclass"].dtype == dtype
    assert list(experiment.glob(f"test/instanced/4/*/worm_03.{output_format}"))
    assert list(experiment.glob("test/evaluated/4/*/summary.csv"))
