import numpy as np
import pytest

from auxcpvloss.experiment.ensemble import members
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.network.trainer import Trainer
from auxcpvloss.pipeline.averaged import joint_tiling
from auxcpvloss.pipeline.scan import scan_volume
from auxcpvloss.stages.volume.networks import passes, predictor, tilings_of
from auxcpvloss.stages.volume.prediction import in_memory
from auxcpvloss.system.errors import StageError
from tests.conftest import configure


def test_lack_of_memory_while_predicting_names_the_key_to_lower(prepared):
    (sample,) = prepared.samples("test")
    said = r"Memory ran out while predicting worm_03\. Lower model\.test_input_shape, now 60 x 60 x 60"
    with pytest.raises(StageError, match=said), in_memory(prepared, sample):
        np.zeros(2**55)
    with pytest.raises(KeyError), in_memory(prepared, sample):
        {}["our own fault"]


def test_how_often_each_tile_is_computed_is_told(prepared, tmp_path):
    """By the voxels of the training volumes, which are cubes."""
    assert [
        passes(Experiment(prepared.folder, configure(prediction={"augment": kind}))).partition(" ")[0]
        for kind in ("none", "flips", "all")
    ] == ["", "8", "48"]
    both = Experiment(tmp_path, configure(prediction={"ensemble": ["one", "two"]}))
    assert passes(both).startswith("2 networks")


def test_mirror_images_of_an_image_are_averaged(tmp_path):
    """Of one plane, whose image turned by 90 degrees is predicted as the prediction is turned."""
    shape = {"ndim": 2, "train_input_shape": [28, 28], "test_input_shape": [36, 36], "num_fmaps": 3}
    levels = {"downsample_factors": [[2, 2]], "fmap_inc_factors": [2], "fmap_dec_factors": [2]}
    data = {"input_format": "tif", "path": str(tmp_path), "voxel_size": [1, 1]}
    config = configure(model=shape | levels, data=data, prediction={"augment": "all"})
    experiment = Experiment(tmp_path / "images", config)
    experiment.checkpoints.path(4).parent.mkdir(parents=True)
    Trainer(config, experiment.method).save(experiment.checkpoints.path(4))
    networks = members(experiment, 4)

    def predicted(image):
        tilings = tilings_of(networks, image.shape)
        assert tilings[0].input_shape[0] == 1
        assert np.prod(tilings[0].counts) > 1
        found = {"cpv": np.full((3, *image.shape), np.nan, np.float32)}
        network = predictor(networks, tilings, ["cpv"], ["float32"])
        scan_volume(image, network, joint_tiling(tilings), found)
        return found["cpv"]

    assert passes(experiment).startswith("8 mirror images")
    image = np.random.default_rng(0).random((1, 48, 36)).astype(np.float32)
    upright, turned = predicted(image), predicted(image.transpose(0, 2, 1)[:, ::-1])
    assert upright.std() > 1e-3
    expected = upright.transpose(0, 1, 3, 2)[[0, 2, 1]][:, :, ::-1] * np.array([1, -1, 1]).reshape(3, 1, 1, 1)
    np.testing.assert_allclose(turned, expected, atol=1e-5)
