"""Voxels and nuclei of other sizes than those of the training are told: by prepare, predict and the report."""

import html
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.trained_on import other_voxels, training_diameter, training_voxel_sizes
from auxcpvloss.methods.threeclass import perfect, target
from auxcpvloss.stages.predict import Predict
from auxcpvloss.stages.run import Choice, Run
from auxcpvloss.stages.train.state import record_training
from auxcpvloss.stages.volume.prediction import prediction_of
from tests.conftest import configure
from tests.stages.running import perform, subject

SHAPE = (24, 40, 40)


def grid_of_balls(radius: float) -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    for label, center in enumerate(((z, y, x) for z in (6, 17) for y in (9, 30) for x in (9, 30)), start=1):
        labels[((np.indices(SHAPE) - np.reshape(center, (3, 1, 1, 1))) ** 2).sum(axis=0) <= radius**2] = label
    return labels


def write(folder: Path, name: str, labels: np.ndarray, voxel_size: tuple[float, ...]) -> str:
    for kind, array in (("images", (labels > 0) * np.uint8(ord(name))), ("masks", labels)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(folder / kind / f"{name}.tif", array, metadata={"spacing_zyx": voxel_size}, photometric="minisblack")  # fmt: skip
    return str(folder)


def made(tmp_path: Path, labels: np.ndarray, size: tuple[float, ...], **data) -> Experiment:
    places = {
        "train_data": write(tmp_path / "train", "a", grid_of_balls(5), (0.5, 0.5, 0.5)),
        "test_data": write(tmp_path / "test", "t", labels, size),
    }
    experiment = Experiment(tmp_path / "root/e", configure(data={"input_format": "tif", "voxel_size": [], **places, **data}, model={"method": "threeclass"}))  # fmt: skip
    perform(experiment, "prepare")
    return experiment


def report(experiment: Experiment, found: np.ndarray) -> str:
    """The page, if these labels were found."""
    run = Run(experiment)
    experiment.checkpoints.path(4).parent.mkdir(parents=True, exist_ok=True)
    experiment.checkpoints.path(4).write_text("weights")
    group = zarr.open_group(str(experiment.processed("test", 4, "t")), mode="w")
    group["volumes/pred_threeclass"] = perfect(target(found))
    group.attrs["made_from"] = prediction_of(run, subject(run)).record
    perform(experiment, "label", "evaluate", "report", checkpoint=4)
    return html.unescape(experiment.report_path.read_text())


def test_voxels_of_another_size_are_told(tmp_path, capsys):
    experiment = made(tmp_path, grid_of_balls(5), (2.5, 0.5, 0.5))
    words = (
        "t: its voxels are 2.5 x 0.5 x 0.5, those of the training volumes 0.5 x 0.5 x 0.5 (z y x): 5 (z), 1 (y), 1 (x) "
        "times as large."
    )
    told = " ".join(capsys.readouterr().out.split())
    assert words in told
    assert "set data.target_voxel_size = [0.5, 0.5, 0.5] to resample" in told
    experiment.checkpoints.path(4).parent.mkdir(parents=True)
    experiment.checkpoints.path(4).write_text("weights")
    run = Run(experiment, choice=Choice(checkpoint=4))
    for _ in range(2):
        Predict().begin(run)
    assert capsys.readouterr().out.count("those of the training volumes") == 1
    page = report(experiment, grid_of_balls(5))
    assert words in page
    assert "those of the training volumes 10" not in page


def test_what_was_trained_on_is_known_without_the_volumes(tmp_path):
    experiment = made(tmp_path, grid_of_balls(5), (0.6, 0.5, 0.5))
    experiment.checkpoints.path(4).parent.mkdir(parents=True)
    experiment.checkpoints.path(4).write_text("weights")
    record_training(experiment, experiment.samples("train"), None, {}, {}, 4)
    shutil.rmtree(tmp_path / "train")
    shutil.rmtree(experiment.data_folder("train"))
    moved = Experiment(experiment.folder, experiment.config)
    assert training_voxel_sizes(moved) == [(0.5, 0.5, 0.5)]
    assert training_diameter(moved) is None
    assert len(list(other_voxels(moved, moved.samples("test")))) == 1


def test_volumes_that_were_resampled_differ_no_longer(tmp_path, capsys):
    experiment = made(tmp_path, grid_of_balls(5), (2.5, 0.5, 0.5), target_voxel_size=[0.5, 0.5, 0.5])
    told = " ".join(capsys.readouterr().out.split())
    assert "those of the training volumes" not in told
    assert "resampled to voxels of 0.5 x 0.5 x 0.5 (data.target_voxel_size): t" in told
    assert not list(other_voxels(experiment, experiment.samples("test")))


@pytest.mark.parametrize(("radius", "is_told"), [(2.6, True), (4.2, False)])
def test_nuclei_of_another_size_are_told_where_voxels_say_nothing(tmp_path, radius, is_told):
    experiment = made(tmp_path, grid_of_balls(radius), (), voxel_size=[1, 1, 1])
    assert training_diameter(experiment) == pytest.approx(10, abs=0.2)
    page = report(experiment, grid_of_balls(radius))
    assert ("t: the instances that were found have a median diameter of" in page) == is_told
    assert "training volumes" in page


def test_nuclei_of_resampled_volumes_are_measured_as_the_network_sees_them(tmp_path):
    """Twice as fine voxels: as many of them are a nucleus of half the diameter."""
    experiment = made(tmp_path, grid_of_balls(5), (0.25, 0.25, 0.25), target_voxel_size=[0.5, 0.5, 0.5])
    (sample,) = experiment.samples("test")
    page = report(experiment, sample.labels.read())
    found = float(page.split("have a median diameter of ")[1].split()[0])
    assert found == pytest.approx(training_diameter(experiment) / 2, abs=1)


@pytest.mark.parametrize(
    ("recorded", "data", "needles"),
    [
        ((0.5, 0.5, 0.5), {}, []),
        ((2.5, 2.5, 2.5), {}, ["t: as the files record, its voxels are 2.5 x 2.5 x 2.5", "Set data.test_voxel_size"]),
        ((2.5, 2.5, 2.5), {"test_voxel_size": [5, 5, 5]}, ["t: its voxels are 5 x 5 x 5"]),
        ((2.5, 0.5, 0.5), {}, ["t: the file records voxels of 2.5 x 0.5 x 0.5", "taken for 1 x 1 x 1"]),
    ],
    ids=["the same", "larger", "given", "other proportions"],
)
def test_sizes_that_are_recorded_and_overruled_are_told(tmp_path, capsys, recorded, data, needles):
    made(tmp_path, grid_of_balls(5), recorded, voxel_size=[1, 1, 1], **data)
    told = " ".join(capsys.readouterr().out.split())
    assert all(needle in told for needle in needles)
    assert ("warning" in told) == bool(needles)
