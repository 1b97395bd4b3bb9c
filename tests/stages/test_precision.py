"""``prediction.precision = "auto"``: bfloat16 where instances come out alike."""

import numpy as np
import pytest
import zarr

from auxcpvloss.data.checksums import seal
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.network.compiled import is_made_for_bfloat16
from auxcpvloss.network.trainer import Trainer
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume.arithmetic import difference, precision_for
from auxcpvloss.stages.volume.prediction import predict, prediction_of
from auxcpvloss.stages.volume.subject import Subject
from tests.conftest import blobs, configure
from tests.stages.running import perform


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda fast: None, ""),
        # A voxel on a surface is no other result.
        (lambda fast: fast.__setitem__(tuple(np.argwhere(fast == 3)[0]), 0), ""),
        # Nor is a speck.
        (lambda fast: fast.__setitem__((0, 0, 0), 9), ""),
        (lambda fast: fast.__setitem__(fast == 3, 0), "of the voxels of nuclei are alike"),
        (lambda fast: fast.__setitem__(fast == 3, 4), "of the voxels of nuclei are alike"),
        (lambda fast: fast.__setitem__((slice(None), slice(None), slice(0, 1)), 9), "bfloat16"),
    ],
)  # fmt: skip
def test_instances_that_differ_are_found(change, said):
    exact = blobs((24, 40, 60), 4, seed=1)
    fast = exact.copy()
    change(fast)
    assert said in difference(exact, fast)
    assert bool(said) == bool(difference(exact, fast))


def test_without_nuclei_nothing_is_judged():
    nothing, something = np.zeros((9, 9, 9), np.uint32), np.ones((9, 9, 9), np.uint32)
    assert "no nuclei" in difference(nothing, nothing)
    assert difference(nothing, something)


def test_bfloat16_is_taken_where_nuclei_are_alike(tmp_path):
    # So low that an untrained network takes the volume for one nucleus, in either.
    low = {"fg_thresh": 0.01, "seed_thresh": 0.01}
    experiment = Experiment(tmp_path / "tiny", configure(prediction={"precision": "auto"}, postprocessing=low))
    path = experiment.checkpoints.path(4)
    path.parent.mkdir(parents=True)
    Trainer(experiment.config, experiment.method).save(path)
    image = np.random.default_rng(1).random((40, 40, 40), np.float32)
    expected = "mixed_bfloat16" if is_made_for_bfloat16() else "float32"
    assert precision_for(experiment, 4, experiment.params, image) == (expected, "")


@pytest.mark.parametrize("precision", ["training", "auto"])
def test_the_arithmetic_is_recorded(tmp_path, precision):
    experiment = Experiment(tmp_path / "tiny", configure(prediction={"precision": precision}))
    perform(experiment, "prepare")
    path = experiment.checkpoints.path(4)
    path.parent.mkdir(parents=True)
    Trainer(experiment.config, experiment.method).save(path)
    run, (sample,) = Run(experiment), experiment.samples("test")
    result = prediction_of(run, Subject("test", 4, sample, experiment.params))
    predict(result, run)
    root = zarr.open_group(str(result.paths[0]), mode="r")
    # Before a training nothing is found by which to judge bfloat16.
    assert root.attrs["precision"] == "float32"
    assert root.attrs["input_shape"] == [60, 60, 60]
    exact = root["volumes/pred_threeclass"][:]
    assert np.isfinite(exact).all()
    assert exact.std() > 0
    assert list(root["volumes"]) == ["pred_threeclass"]
    assert Run(experiment).state(prediction_of(Run(experiment), result.subject)).kind == "whole"
    # Its tiles, which earlier programs recorded, and the memory for them change nothing.
    root = zarr.open_group(str(result.paths[0]), mode="a")
    tiles = {"tiles (model.test_input_shape)": [44, 44, 60]}
    root.attrs["made_from"] = {**result.record, **tiles}
    seal(root)
    other = Experiment(tmp_path / "tiny", configure(prediction={"precision": precision, "tile_memory": 0.1}))
    assert Run(other).state(prediction_of(Run(other), result.subject)).kind == "whole"
