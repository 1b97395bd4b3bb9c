"""Volumes of other voxels than the network sees: what it finds is given back on the grid of the files."""

import csv
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr

from auxcpvloss.data.centers import read_centers
from auxcpvloss.data.missing_chunks import read
from auxcpvloss.data.volume import Volume
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.instances import centers_path
from auxcpvloss.methods.threeclass import perfect, target
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume.prediction import prediction_of
from tests.conftest import blobs, configure, merge
from tests.stages.running import perform, subject

SIZE, OFFSET = [2.0, 1.0, 1.0], [10.0, -3.0, 0.5]
SHAPE = (10, 24, 20)


def nuclei() -> np.ndarray:
    """Three nuclei, round in space."""
    labels = np.zeros(SHAPE, np.uint16)
    for label, center in enumerate([(3, 6, 5), (5, 17, 14), (7, 5, 15)], start=5):
        steps = (np.indices(SHAPE) - np.reshape(center, (3, 1, 1, 1))) * np.reshape(SIZE, (3, 1, 1, 1))
        labels[(steps**2).sum(axis=0) <= 20] = label
    return labels


def write(folder: Path, labels: np.ndarray | None = None, points: str = "") -> str:
    root = zarr.open_group(str(folder / "a.zarr"), mode="w")
    image = np.random.default_rng(0).integers(0, 99, SHAPE).astype(np.uint8) + (nuclei() > 0) * np.uint8(100)
    for key, array in {"raw": image, **({} if labels is None else {"gt_labels": labels})}.items():
        stored = root.create_dataset(f"volumes/{key}", data=array, chunks=(8, 8, 8), write_empty_chunks=True)
        stored.attrs.update(resolution=SIZE, offset=OFFSET)
    if points:
        (folder / "a.csv").write_text(points)
    return str(folder)


def made(tmp_path: Path, place: str, **change: Any) -> Experiment:
    data = {"input_format": "zarr", "test_data": place, "voxel_size": [], "target_voxel_size": [1, 1, 1], "padding": [1, 2, 3]}  # fmt: skip
    experiment = Experiment(tmp_path / "root/e", configure(**merge({"data": data, "model": {"method": "threeclass"}}, change)))  # fmt: skip
    perform(experiment, "prepare")
    return experiment


def predict(experiment: Experiment, head: str, output: np.ndarray) -> None:
    """Write what a network has made of the test volume."""
    run = Run(experiment)
    experiment.checkpoints.path(4).parent.mkdir(parents=True, exist_ok=True)
    experiment.checkpoints.path(4).write_text("weights")
    group = zarr.open_group(str(experiment.processed("test", 4, "a")), mode="w")
    group[f"volumes/pred_{head}"] = output
    group.attrs["made_from"] = prediction_of(run, subject(run)).record


def test_a_sample_is_of_the_networks_voxels_and_remembers_the_files(tmp_path):
    (sample,) = made(tmp_path, write(tmp_path, nuclei())).samples("test")
    assert (sample.shape, sample.voxel_size, sample.offset) == ((22, 28, 26), (1, 1, 1), (8.5, -5, -2.5))
    original = sample.original
    assert (original.shape, original.voxel_size, original.offset) == (SHAPE, tuple(SIZE), tuple(OFFSET))
    assert (original.padding, sample.padding) == ((0, 0, 0), (1, 2, 3))
    inside = read(sample.labels)[1:-1, 2:-2, 3:-3]
    assert (inside == nuclei().repeat(2, axis=0)).all()
    assert (read(original.labels) == nuclei()).all()
    # Between two planes of the files.
    image = read(sample.raw)[1:-1, 2:-2, 3:-3]
    assert image[2:18:2] == pytest.approx(0.75 * read(original.raw)[1:9] + 0.25 * read(original.raw)[:8], abs=1e-6)
    place = np.argwhere(nuclei() == 5).mean(axis=0)
    assert original.centers()[0] == pytest.approx([*place, 5], abs=1e-3)
    assert sample.centers()[0] == pytest.approx([*(place * [2, 1, 1] + [1.5, 2, 3]), 5], abs=2e-3)
    assert sample.max_extent == (10, 9, 9)


def test_results_are_those_on_the_grid_of_the_files(tmp_path):
    experiment = made(tmp_path, write(tmp_path, nuclei()))
    (sample,) = experiment.samples("test")
    predict(experiment, "threeclass", perfect(target(read(sample.labels))))
    perform(experiment, "label", "evaluate", "report", "export", "visualize", checkpoint=4)
    path = experiment.instanced("test", 4, experiment.params, "a")
    found = Volume(path, "volumes/instances")
    assert (found.shape, found.voxel_size, found.offset) == (SHAPE, tuple(SIZE), tuple(OFFSET))
    # Boundaries, a voxel of the network wide, are background here.
    assert ((found.read() > 0) == (nuclei() > 0)).mean() > 0.98
    centers = read_centers(centers_path(path))
    assert centers[:, :3] == pytest.approx(sample.original.centers()[:, :3], abs=0.5)
    scores = tomllib.loads((experiment.evaluated("test", 4, experiment.params) / "a.toml").read_text())
    assert scores["confusion_matrix"]["th_0_5"]["AP"] == 1
    folder = experiment.exported("test", 4, experiment.params)
    assert (tifffile.imread(folder / "a.tif") == found.read()).all()
    objects = pd.read_csv(folder / "a_objects.csv")
    assert objects["volume_voxels"].tolist() == np.unique(found.read(), return_counts=True)[1][1:].tolist()
    assert objects["position_z"].to_numpy() == pytest.approx(centers[:, 0] * 2 + 10, abs=1e-2)
    assert (objects["confidence"] > 0.99).all()
    # Of the files, without the padding.
    assert objects["touches_border"].tolist() == [0, 0, 1]


def test_points_stay_points_and_the_truth_is_as_annotated(tmp_path):
    experiment = made(tmp_path, write(tmp_path, points="z,y,x\n3,6,5\n5.25,17,14\n"), model={"method": "gauss"})
    (sample,) = experiment.samples("test")
    assert sample.original.centers()[:, :3].tolist() == [[3, 6, 5], [5.25, 17, 14]]
    assert sample.centers()[:, :3].tolist() == [[7.5, 8, 8], [12, 19, 17]]
    assert [read(each.truth)[place] for each, place in ((sample, (12, 19, 17)), (sample.original, (5, 17, 14)))] == [2, 2]  # fmt: skip
    blobs_at = np.zeros((1, *sample.shape), np.float32)
    blobs_at[0, 7, 8, 8] = blobs_at[0, 12, 19, 17] = blobs_at[0, 0, 0, 0] = 1
    predict(experiment, "gauss", blobs_at)
    perform(experiment, "label", "evaluate", "export", checkpoint=4)
    found = Volume(experiment.instanced("test", 4, experiment.params, "a"), "volumes/instances").read()
    assert np.argwhere(found).tolist() == [[0, 0, 0], [3, 6, 5], [5, 17, 14]]
    with (experiment.evaluated("test", 4, experiment.params) / "summary.csv").open() as file:
        assert next((row["TP"], row["FP"], row["FN"]) for row in csv.DictReader(file)) == ("2", "1", "0")


def test_images_keep_their_plane(tmp_path):
    for kind in ("images", "masks"):
        (tmp_path / "data" / kind).mkdir(parents=True)
        tifffile.imwrite(tmp_path / "data" / kind / "a.tif", blobs((1, 30, 40), 4, seed=1)[0].astype(np.uint8))
    change = {"input_format": "tif", "voxel_size": [0.5, 0.25], "target_voxel_size": [0.5, 0.5], "padding": [0, 0]}
    experiment = made(tmp_path, str(tmp_path / "data"), data=change, model={"ndim": 2, "train_input_shape": [92, 92], "test_input_shape": [92, 92]})  # fmt: skip
    (sample,) = experiment.samples("test")
    assert (sample.shape, sample.voxel_size, sample.original.shape) == ((1, 30, 20), (0.5, 0.5, 0.5), (1, 30, 40))


def test_voxels_of_the_wanted_size_change_nothing(tmp_path):
    place = write(tmp_path, nuclei())
    plain, same = (
        made(tmp_path / name, place, data={"target_voxel_size": size}).samples("test")[0]
        for name, size in (("plain", []), ("same", SIZE))
    )
    assert same.original is same
    assert plain.made_from == same.made_from
    assert "target_voxel_size" not in plain.made_from
    # Of chunks the values: Blosc's threads may compress them differently.
    described = [{p.relative_to(each.path): p.read_bytes() for p in each.path.rglob(".z*")} for each in (plain, same)]
    assert described[0] == described[1]
    assert all((np.asarray(plain.truth) == np.asarray(same.truth)).ravel())
    assert np.asarray(plain.raw).tobytes() == np.asarray(same.raw).tobytes()


def test_labels_that_are_lost_and_volumes_that_become_too_large_are_told(tmp_path, capsys):
    labels = nuclei()
    labels[0, 0, :2], labels[0, 1, 1] = [1, 2], 3
    place = write(tmp_path, labels)
    made(tmp_path, place, data={"target_voxel_size": [6, 3, 3]})
    told = " ".join(capsys.readouterr().out.split())
    assert "labels lost by data.target_voxel_size, several of them in a voxel: 2, 3" in told
    with pytest.raises(Exception, match=r"labels are lost on voxels of .* \(data\.target_voxel_size\)"):
        made(tmp_path / "coarse", place, data={"target_voxel_size": [200, 100, 100]})
    with pytest.raises(Exception, match=r"data\.target_voxel_size"):
        made(tmp_path / "fine", place, data={"target_voxel_size": [1e-3, 1e-3, 1e-3]})
