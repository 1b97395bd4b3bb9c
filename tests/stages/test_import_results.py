"""Results of other programs: scored, shown and compared like those of the stages."""

import csv
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from auxcpvloss.cli import main
from auxcpvloss.experiment.results import read_table
from tests.conftest import blobs

VOLUMES = ("a", "b")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A root with the evaluated experiment `ours`, of label images imported from `found/`; volumes have masks."""
    folder = tmp_path_factory.mktemp("import")
    for number, name in enumerate(VOLUMES):
        truth = blobs((20, 24, 28), 6, seed=number).astype(np.uint16)
        raw = (truth > 0) * 150 + np.random.default_rng(number).integers(0, 60, truth.shape)
        found = np.roll(truth, 1, axis=2)
        found[found == 2] = 1
        for kind, array in (("data/images", raw.astype(np.uint8)), ("data/masks", truth), ("found", found)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / kind / f"{name}.tif", array, photometric="minisblack")
    (folder / "data.toml").write_text(
        '[data]\nvoxel_size = [2, 1, 1]\n[evaluation]\nmetric = "confusion_matrix.avAP"\n'
    )
    assert imported(folder, "found", "-id", "ours", name="StarDist 3D") == 0
    return folder


def imported(folder: Path, results: str | Path, *more: str, name: str = "other") -> int:
    source = [] if "--like" in more else ["-c", str(folder / "data.toml"), "--test-data", str(folder / "data")]
    given = [str(folder / results), "--name", name, "-r", str(folder / "root"), *source, *more]
    return main(["import-results", *given])


def scores(experiment: Path) -> dict[str, dict]:
    folder = experiment / "test/evaluated/0/external"
    tables = {path.stem: read_table(path) for path in folder.glob("*.toml")}
    return {name: {key: table[key] for key in table if key != "made_from"} for name, table in tables.items()}


def as_npy(path: Path, labels: np.ndarray) -> None:
    np.save(path.with_suffix(".npy"), labels.astype(np.int64))


def as_hdf(path: Path, labels: np.ndarray) -> None:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["volumes/instances"] = labels


def as_zarr(path: Path, labels: np.ndarray) -> None:
    root = zarr.open_group(str(path.with_suffix(".zarr")), mode="w")
    root.create_dataset("seg", data=labels.astype(np.float32), chunks=(10, 10, 10), write_empty_chunks=False)


def large(path: Path, labels: np.ndarray) -> None:
    np.save(path.with_suffix(".npy"), np.where(labels, labels.astype(np.uint64) + 2**40, 0))


@pytest.mark.parametrize("writers", [(as_npy, as_zarr), (as_hdf, large)])
def test_the_same_labels_have_the_same_scores_in_every_format(made, tmp_path, writers):
    for name, write in zip(VOLUMES, writers, strict=True):
        write(tmp_path / f"{name}.tif", tifffile.imread(made / f"found/{name}.tif"))
    assert imported(made, tmp_path, "--like", "ours", "-id", f"by_{write.__name__}") == 0
    assert scores(made / f"root/by_{write.__name__}") == scores(made / "root/ours")


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda folder: (folder / "b.tif").unlink(), ["no label image of b"]),
        (lambda folder: (folder / "b.tif").rename(folder / "b_cp.tif"), ["no label image of b", '"{name}_cp"']),
        (lambda folder: tifffile.imwrite(folder / "a.tif", np.ones((20, 24, 27), np.uint8)), ["a.tif", "20 x 24 x 27 voxels", "20 x 24 x 28"]),
        (lambda folder: np.save(folder / "a.npy", 1), ["a.tif", "a.npy", "same name"]),
        (lambda folder: tifffile.imwrite(folder / "a.tif", np.full((20, 24, 28), -1, np.int16)), ["a.tif", "negative"]),
        (lambda folder: tifffile.imwrite(folder / "a.tif", np.full((20, 24, 28), 0.5, np.float32)), ["a.tif", "whole number"]),
        (shutil.rmtree, ["no such folder"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_volumes_is_refused(made, tmp_path, capsys, break_it, words):
    shutil.copytree(made / "found", tmp_path / "found")
    break_it(tmp_path / "found")
    assert imported(made, tmp_path / "found", "--like", "ours", "-id", "refused") == 2
    error = capsys.readouterr().err
    assert all(word in error for word in words), error
    assert not (made / "root/refused").exists()


def test_other_names_and_unused_files(made, tmp_path, capsys):
    for path in (made / "found").glob("*.tif"):
        shutil.copy(path, tmp_path / f"{path.stem}_labels.tif")
    shutil.copy(path, tmp_path / "elsewhere.tif")
    assert imported(made, tmp_path, "--like", "ours", "-id", "named", "--pattern", "{name}_labels") == 0
    assert "elsewhere.tif" in capsys.readouterr().out
    assert scores(made / "root/named") == scores(made / "root/ours")


def test_a_repeat_makes_nothing_and_changed_files_make_scores_stale(made, tmp_path, capsys):
    shutil.copytree(made / "found", tmp_path / "found")
    again = [made, tmp_path / "found", "--like", "ours", "-id", "changing"]
    assert imported(*again) == 0
    tables = [*(made / "root/changing/test/evaluated/0/external").glob("*.toml")]
    times = {path: path.stat().st_mtime_ns for path in tables}
    assert imported(*again) == 0
    assert times == {path: path.stat().st_mtime_ns for path in tables}
    tifffile.imwrite(tmp_path / "found/a.tif", np.zeros((20, 24, 28), np.uint8), photometric="minisblack")
    capsys.readouterr()
    assert main(["-r", str(made / "root"), "-id", "changing", "-d", "status"]) == 0
    status = capsys.readouterr().out
    assert "the imported label image changed" in status
    assert "train" not in status
    assert imported(*again) == 0
    changed = scores(made / "root/changing")
    assert changed["a"]["general"]["num_pred"] == 0
    assert changed["b"] == scores(made / "root/ours")["b"]


def test_without_the_files_the_scores_stay(made, tmp_path, capsys):
    shutil.copytree(made / "found", tmp_path / "found")
    assert imported(made, tmp_path / "found", "--like", "ours", "-id", "kept") == 0
    shutil.rmtree(tmp_path / "found")
    assert main(["-r", str(made / "root"), "-id", "kept", "-d", "evaluate"]) == 0


def test_later_stages_take_it_and_those_of_a_network_refuse(made, capsys):
    place = ["-r", str(made / "root"), "-id", "ours"]
    assert main([*place, "-d", "export", "report"]) == 0
    assert (made / "root/ours/test/exported/0/external/a_objects.csv").is_file()
    report = (made / "root/ours/report.html").read_text()
    assert "StarDist 3D" in report
    assert "checkpoint 0" not in report
    assert main([*place, "-d", "all"]) == 0
    capsys.readouterr()
    assert main([*place, "-d", "train"]) == 2
    assert "train does not apply" in capsys.readouterr().err
    assert imported(made, "found", "--like", "nowhere") == 2
    assert imported(made, "found", "--like", "ours", "-id", "data") == 2


def test_the_name_of_an_experiment_with_a_network_is_not_taken(made, capsys):
    (made / "root/net").mkdir()
    (made / "root/net/config.toml").write_text('[model]\nmethod = "sdt"\n')
    assert imported(made, "found", "--like", "ours", "-id", "net") == 2
    assert "with a network" in capsys.readouterr().err


def test_compare_lists_it_by_the_name_of_the_program(made, tmp_path, capsys):
    root = made / "root"
    for seed in (1, 2):
        shutil.copytree(made / "found", tmp_path / f"{seed}")
        tifffile.imwrite(tmp_path / f"{seed}/b.tif", np.full((20, 24, 28), seed, np.uint8), photometric="minisblack")
        assert imported(made, tmp_path / f"{seed}", "--like", "ours", "--seed", str(seed), name="Cellpose") == 0
    runs = [root / "ours", root / "Cellpose_seed1", root / "Cellpose_seed2"]
    assert main(["compare", *map(str, runs), "-o", str(tmp_path / "out")]) == 0
    with (tmp_path / "out/summary.csv").open(newline="") as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert {name: row["runs"] for name, row in rows.items()} == {"StarDist 3D": "1", "Cellpose": "2"}


def test_instances_of_the_stages_have_the_same_scores_when_they_are_imported(gpu_part, tmp_path):
    root, more = gpu_part.copy(tmp_path), tmp_path / "more.toml"
    more.write_text("[postprocessing]\nfg_thresh = 0.4\nuse_cpv_for_seeds = true\ncpv_thresh = 3.0\n")
    files = ["-c", str(gpu_part.root.parent / "run.toml"), "-c", str(more), "--param_product"]
    stages = ["-d", "predict", "label", "evaluate", "--test-checkpoint", "last"]
    assert main([*files, "-r", str(root), "-id", "run", *stages]) == 0
    (tmp_path / "found").mkdir()
    (file,) = (root / "run/test/instanced").rglob("e.hdf")
    with h5py.File(file) as stored:
        tifffile.imwrite(tmp_path / "found/e.tif", stored["volumes/instances"][...], photometric="minisblack")
    assert main(["import-results", str(tmp_path / "found"), "--name", "copied", "--like", str(root / "run")]) == 0
    (table,) = (root / "run/test/evaluated").rglob("e.toml")
    (again,) = scores(root / "copied").values()
    theirs = read_table(table)
    assert again == {key: theirs[key] for key in again}
    assert again["general"]["num_pred"] > 0
