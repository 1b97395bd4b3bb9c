"""From points without masks on disk to prepared samples, by the command line."""

import h5py
import numpy as np
import pytest
import toml
import zarr

from auxcpvloss.cli import INPUT_ERROR, main
from auxcpvloss.data.open_samples import open_sample
from tests.conftest import TINY, merge
from tests.data.volumes import blobs, make_folder, write_tiff

POINTS = "z,y,x\n5, 5, 5\n15, 15, 5.5\n5, 15, 25\n"


@pytest.fixture
def place(tmp_path):
    """Points in train/ and val/, and in test/ a volume of each kind: masks, points, and nothing."""
    for split, names in (("train", "ab"), ("val", "c"), ("test", "de")):
        make_folder(tmp_path / "data" / split, names, masks=False)
        (tmp_path / "data" / split / "centers").mkdir()
        (tmp_path / "data" / split / "centers" / f"{names[0]}.csv").write_text(POINTS)
    (tmp_path / "data" / "train" / "centers" / "b.csv").write_text(POINTS)
    tables = merge(TINY, {"data": {"path": str(tmp_path / "data"), "input_format": "auto", "padding": [0, 2, 0]}})
    (tmp_path / "my.toml").write_text(toml.dumps(tables))
    return tmp_path


def run(place, *stages):
    return main(["-c", str(place / "my.toml"), "-r", str(place / "root"), "-d", *stages])


def test_points_are_prepared(place, capsys):
    assert (run(place, "prepare"), capsys.readouterr().out.count("3 points")) == (0, 4)
    samples = {path.stem: open_sample(path) for path in (place / "root" / "data").rglob("?.zarr")}
    assert {name: sample.truth_key for name, sample in samples.items()} == dict.fromkeys("abcd", "volumes/gt_points") | {"e": None}  # fmt: skip
    assert samples["a"].shape == (20, 26, 40)
    np.testing.assert_array_equal(samples["a"].centers(), [[5, 7, 5, 1], [15, 17, 5.5, 2], [5, 17, 25, 3]])
    assert run(place, "prepare") == 0
    assert "5 of them whole already" in capsys.readouterr().out
    (place / "data" / "train" / "centers" / "b.csv").write_text(POINTS + "1, 2, 3\n")
    assert (run(place, "prepare"), len(open_sample(samples["b"].path).centers())) == (0, 4)


def test_points_are_trained_on_and_results_lie_where_the_padded_volume_does(place):
    tables = toml.loads((place / "my.toml").read_text())
    change = {
        "model": {
            "method": "gauss",
            "train_input_shape": [20, 20, 20],
            "test_input_shape": [40, 40, 40],
            "downsample_factors": [[2, 2, 2]],
            "fmap_inc_factors": [2],
            "fmap_dec_factors": [2],
        },
        "training": {"max_iterations": 1, "checkpoints": 1, "snapshots": 0, "num_workers": 0},
        "preprocessing": {"normalize": "mean_std"},
    }
    (place / "my.toml").write_text(toml.dumps(merge(tables, change)))
    assert run(place, "prepare", "train", "predict", "label", "--test-checkpoint", "last") == 0
    experiment = place / "root" / "my" / "test"
    predicted = zarr.open(str(experiment / "processed" / "1" / "d.zarr"))["volumes/pred_gauss"]
    (path,) = experiment.glob("instanced/1/*/d.hdf")
    with h5py.File(path) as file:
        for array in (predicted, file["volumes/instances"]):
            assert (array.shape[-3:], list(array.attrs["offset"])) == ((20, 26, 40), [0, -2, 0])


def test_a_point_outside_is_refused_before_anything_is_written(place, capsys):
    (place / "data" / "train" / "centers" / "a.csv").write_text(POINTS + "50, 5, 5\n")
    assert run(place, "prepare") == INPUT_ERROR
    error = capsys.readouterr().err
    assert f"{place}/data/train/centers/a.csv, line 5" in error
    assert "Traceback" not in error
    assert not list((place / "root").rglob("*.zarr"))


@pytest.mark.parametrize("stage", ["train", "validate_checkpoints"])
def test_a_method_that_segments_needs_masks(place, capsys, stage):
    """Also where a single volume lacks them."""
    lacking = "b" if stage == "train" else "c"
    for split, name in (("train", "a"), ("train", "b"), ("val", "c")):
        if name != lacking:
            write_tiff(place / "data" / split / "masks" / f"{name}.tif", blobs()[1])
            (place / "data" / split / "centers" / f"{name}.csv").unlink()
    assert (run(place, "prepare"), run(place, stage)) == (0, INPUT_ERROR)
    error = capsys.readouterr().err
    of_training = (f"{lacking}: ", "no masks", "'threeclass_cpv'", "'gauss'", "masks/")
    of_validation = ("evaluation.metric", f"{lacking} has center points only", "--do_detection", "masks")
    for needle in of_training if stage == "train" else of_validation:
        assert needle in error
    assert not list(place.rglob("*.keras"))
