"""An architecture that is registered at run time is one like any other."""

import numpy as np
import pytest
from keras import Input, Model, layers

from auxcpvloss.config.load_and_check import ConfigFile
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.debug import debug_tables
from auxcpvloss.methods import METHODS
from auxcpvloss.network.architectures import ARCHITECTURES, Architecture, geometry
from auxcpvloss.network.compiled import prediction_network
from auxcpvloss.network.shapes import AxisGeometry
from auxcpvloss.network.tiling import tile_volume
from auxcpvloss.network.trainer import Trainer
from auxcpvloss.pipeline.batch_maker import BatchMaker
from auxcpvloss.pipeline.scan import scan_volume
from auxcpvloss.system.errors import InputError
from tests.conftest import configure, merge
from tests.network.small import train
from tests.stages.test_mknet import made

METHOD = METHODS["threeclass_cpv"]


def build(model, heads, shape, precision, channels, predicting):
    raw = Input((*shape, channels))
    out = {h.name: layers.Conv3D(h.channels, model.width, name=h.name, dtype=precision)(raw) for h in heads}
    return Model(raw, out, name="toy")


@pytest.fixture(autouse=True)
def _toy(monkeypatch):
    """One convolution for each head, without padding."""
    toy = Architecture(
        build,
        lambda model: (AxisGeometry((), model.width, 1, True),) * 3,
        keys={"width": (int, 5)},
        check=lambda model: iter([("width", "must be odd")] * (1 - model.width % 2)),
        smaller=lambda model: {"width": min(model.width, 3)},
    )
    monkeypatch.setitem(ARCHITECTURES, "toy", toy)


def toy(**change):
    return configure(**merge({"model": {"architecture": "toy"}, "training": {"num_workers": 0}}, change))


def test_it_is_trained_and_predicts_whatever_the_tiling(prepared, tmp_path):
    config = toy(model={"train_input_shape": [20, 20, 20], "width": 7})
    (sample,) = prepared.samples("val")
    maker, training = BatchMaker(prepared.samples("train"), METHOD, config), Trainer(config, METHOD)
    before = training.network.get_weights()
    losses = [train(training, i, maker.make(i)) for i in (1, 2)]
    assert {"loss", "threeclass_loss", "cpv_loss"} == set(losses[0])
    assert all((a != b).any() for a, b in zip(before, training.network.get_weights(), strict=True))
    training.save(tmp_path / "2.keras")
    predictions = []
    for limit in ((66, 66, 90), (30, 40, 50)):
        tiling = tile_volume(geometry(config.model), limit, sample.shape)
        arrays = {head.name: np.zeros((head.channels, *sample.shape), np.float32) for head in METHOD.heads}
        network = prediction_network(config, METHOD, tiling.input_shape, tmp_path / "2.keras")
        scan_volume(sample.raw, network, tiling, arrays)
        predictions.append(arrays)
    assert predictions[0]["cpv"].std() > 0
    for head in METHOD.heads:
        np.testing.assert_allclose(predictions[0][head.name], predictions[1][head.name], atol=1e-5)


def test_it_is_described(tmp_path):
    said, record = made(tmp_path, model={"architecture": "toy", "width": 7})
    assert "1 levels, input 44x44x44 -> output 38x38x38" in said
    assert (record["train"]["parameters"], record["train"]["receptive_field"]) == (6 * 7**3 + 6, [7, 7, 7])


def test_its_keys_are_checked_and_get_smaller():
    with pytest.raises(InputError, match=r"model\.width: must be odd\."):
        toy(model={"width": 4})
    with pytest.raises(InputError, match=r"model\.test_input_shape: this network does not accept an input of \[4, 60, 60\]"):  # fmt: skip
        toy(model={"test_input_shape": [4, 60, 60]})
    with pytest.raises(InputError, match=r"model\.width: is a key of the architecture toy"):
        configure(model={"width": 5})
    with pytest.raises(InputError, match=r"model\.architecture: 'wnet' is not a known architecture; known: unet, residual_unet, fpn, toy\."):  # fmt: skip
        configure(model={"architecture": "wnet"})
    config = toy(model={"width": 7})
    small = load([ConfigFile("test", merge(config.model_dump(mode="json"), debug_tables(config)))]).model
    assert (small.width, small.train_input_shape, small.test_input_shape) == (3, (14, 14, 14), (54, 54, 54))


def test_an_input_of_images_is_refused_as_it_was_written():
    with pytest.raises(InputError, match=r"does not accept an input of \[32, 32\] \(along y, x\)"):
        configure(model={"ndim": 2, "train_input_shape": [32, 32]}, data={"voxel_size": [1, 1]})
