"""What the stages export and visualize hand over, made of predictions that are known."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from auxcpvloss.data.points import paint_balls
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.looking.handover.ome_zarr import store
from auxcpvloss.methods import METHODS
from auxcpvloss.stages.export.stage import export_of
from auxcpvloss.stages.export.viewing import look, view_of
from auxcpvloss.stages.run import Choice, Run
from auxcpvloss.system.errors import InputError
from tests.stages.running import perform, subject
from tests.stages.test_evaluate import CENTERS, data, make, predicted_labels, record_as_predicted, root, true_labels

__all__ = ["data", "make", "root"]

NAMES = {"a.ome.zarr", "a.tif", "a_objects.csv", "a_neuroglancer.json"}


def exported(experiment: Experiment) -> Path:
    perform(experiment, "label", "export", checkpoint=4)
    return experiment.exported("test", 4, experiment.params)


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "a_objects.csv").read_text())))


def test_instances_are_handed_over_in_every_format(make):
    experiment = make(data={"voxel_size": [2, 1, 1], "voxel_unit": "micrometer"})
    folder = exported(experiment)
    assert {path.name for path in folder.iterdir()} == NAMES
    labels = tifffile.imread(folder / "a.tif")
    assert ((labels > 0) == (predicted_labels() > 0)).all()
    root = zarr.open_group(store(folder / "a.ome.zarr"), mode="r")
    assert (root["labels/instances/0"][...] == labels).all()
    assert (root["labels/truth/0"][...] == true_labels()).all()
    (sample,) = experiment.samples("test")
    assert (root["0"][...] == sample.raw[...]).all()
    table = rows(folder)
    assert (len(table), {row["confidence"] for row in table}) == (4, {"1.000"})
    assert {row["unit"] for row in table} == {"micrometer"}
    for row in table:
        z, y, x = (round(float(row[axis])) for axis in "zyx")
        assert labels[z, y, x] == int(row["id"])
        assert float(row["volume"]) == 2 * int(row["volume_voxels"]) == 2 * (labels == int(row["id"])).sum()
    assert [row["touches_border"] for row in table].count("1") == 1
    state = json.loads((folder / "a_neuroglancer.json").read_text())
    errors = {layer["name"]: len(layer["annotations"]) for layer in state["layers"] if layer["type"] == "annotation"}
    assert errors == {"false positives": 1, "false negatives": 1, "splits": 0, "merges": 0}


def state_of(experiment: Experiment) -> tuple[str, str]:
    run = Run(experiment)
    state = run.state(export_of(run, subject(run)))
    return state.kind, state.why


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda folder: (folder / "a.tif").unlink(), "a.tif is missing"),
        (lambda folder: (folder / "a_objects.csv").write_text("id\n"), "a_objects.csv changed since it was written"),
        (
            lambda folder: (folder / "a.ome.zarr/labels/truth/0/0/0/0").unlink(),
            "1 of 14 files are missing: labels/truth/0/0/0/0",
        ),
    ],
    ids=["TIFF", "table", "chunk"],
)
def test_what_is_damaged_is_made_again(make, damage, why):
    experiment = make()
    folder = exported(experiment)
    assert state_of(experiment) == ("whole", "")
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    perform(experiment, "export", checkpoint=4)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    damage(folder)
    assert state_of(experiment) == ("broken", why)
    perform(experiment, "export", checkpoint=4)
    assert state_of(experiment) == ("whole", "")


def test_of_a_method_that_finds_points_there_are_points(make):
    experiment = make(method="gauss")
    blobs = METHODS["gauss"].heads[0].target(predicted_labels()) * np.float32(0.8)
    for split in ("val", "test"):
        zarr.open_group(str(experiment.processed(split, 4, "a")), mode="w")["volumes/pred_gauss"] = blobs
        record_as_predicted(experiment, split, "blobs")
    folder = exported(experiment)
    table = rows(folder)
    places = np.array([[float(row[axis]) for axis in "zyx"] for row in table])
    assert {tuple(place) for place in places} >= {tuple(map(float, center)) for center in CENTERS[:3]}
    assert {row["confidence"] for row in table} <= {"0.800", "0.794"}
    assert "volume" not in table[0]
    balls = paint_balls(np.column_stack([places, [int(row["id"]) for row in table]]), predicted_labels().shape)
    assert (tifffile.imread(folder / "a.tif") == balls).all()
    assert zarr.open_group(store(folder / "a.ome.zarr"), mode="r")["labels"].attrs["labels"] == ["points", "truth"]


def test_points_without_masks_are_truth_and_the_border_of_the_image_is_not_that_of_its_padding(make):
    experiment = make("sparse", data={"padding": [1, 1, 1]})
    one = predicted_labels()
    group = zarr.open_group(str(experiment.processed("test", 4, "a")), mode="w")
    head = METHODS["threeclass"].heads[0]
    group["volumes/pred_threeclass"] = head.perfect(head.target(np.pad(one, 1)))
    record_as_predicted(experiment, "test", "padded")
    folder = exported(experiment)
    # The one in the corner ends where the image does.
    assert [row["touches_border"] for row in rows(folder)].count("1") == 1
    view = view_of(run := Run(experiment), subject(run))
    assert view.space.offset == (-1, -1, -1)
    assert [(errors.name, len(errors.points)) for errors in view.errors] == [("false positives", 0), ("false negatives", 0)]  # fmt: skip


def test_what_was_not_labelled_is_refused(make):
    experiment = make()
    with pytest.raises(InputError, match="Run the stage label"):
        perform(experiment, "export", checkpoint=4)


def test_a_command_in_a_script_ends_and_says_how_to_look(make, capsys):
    experiment = make()
    exported(experiment)
    look(Run(experiment, choice=Choice(checkpoint=4), stages=("visualize",)), None)
    text = capsys.readouterr().out
    assert "not opened in napari: " in text
    assert "-m auxcpvloss.serve " in text
