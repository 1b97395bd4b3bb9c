import keras
import numpy as np
import pytest

from auxcpvloss.methods import METHODS
from auxcpvloss.network.batch import Batch
from auxcpvloss.network.compiled import check_precision
from auxcpvloss.network.trainer import Trainer
from auxcpvloss.system.backends import gpus
from auxcpvloss.system.errors import InputError
from tests.conftest import configure


@pytest.fixture(scope="module")
def trainer():
    optimizer = {"lr_schedule": "cosine", "lr": 0.5, "beta1": 0.8, "beta2": 0.7, "epsilon": 0.01}
    return Trainer(configure(model={"loss_cpv_coeff": 0.25}, optimizer=optimizer), METHODS["threeclass_cpv"])


@pytest.fixture(scope="module")
def network(trainer):
    return trainer.network


def test_the_optimizer_is_the_configured_one(network):
    optimizer = network.optimizer
    assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0.8, 0.7, 0.01)
    assert float(optimizer.learning_rate) == 0.5
    assert isinstance(optimizer._learning_rate, keras.optimizers.schedules.CosineDecay)


def test_layers_are_those_of_a_u_net(network):
    kernels = {layer.name: layer.kernel.shape for layer in network.layers if hasattr(layer, "kernel")}
    assert (kernels["down_1_conv_1"], kernels["bottom_2_conv_0"][-1]) == ((3, 3, 3, 8, 8), 16)
    assert (kernels["upsample_1_conv"], kernels["up_1_conv_0"]) == ((1, 1, 1, 16, 8), (3, 3, 3, 16, 8))
    assert network.get_layer("down_0_conv_0").activation is keras.activations.relu
    joined = network.get_layer("join_0")._inbound_nodes[0].input_tensors
    assert {tensor._keras_history.operation.name for tensor in joined} == {"crop_0", "upsample_0_conv"}
    assert all(before == after for before, after in network.get_layer("crop_0").cropping)
    outputs = network.predict_on_batch(np.random.default_rng(0).random((1, 44, 44, 44, 1)).astype("float32"))
    assert not np.allclose(outputs["threeclass"], outputs["cpv"])


def test_upsampling_may_be_a_transposed_convolution():
    transposed = Trainer(configure(model={"upsampling": "transposed_conv"}), METHODS["threeclass"]).network
    assert "Conv3DTranspose" in {type(layer).__name__ for layer in transposed.layers}


def test_the_total_loss_weighs_its_parts(trainer):
    raw = np.random.default_rng(0).random((1, 1, 44, 44, 44)).astype(np.float32)
    region = np.full((1, 1, 4, 4, 4), 2, np.uint8)
    targets = {"threeclass": np.ones((1, 1, 4, 4, 4)), "cpv": np.full((1, 3, 4, 4, 4), 5.0)}
    losses = trainer.losses(Batch(raw, targets, region))
    assert losses["cpv_loss"] > 1
    assert losses["loss"] == pytest.approx(losses["threeclass_loss"] + 0.25 * losses["cpv_loss"], rel=1e-5)


def test_the_seed_draws_the_weights():
    one, again, other = (
        Trainer(configure(general={"seed": seed}), METHODS["threeclass"]).network.get_weights()[0] for seed in (1, 1, 2)
    )
    assert (one == again).all()
    assert not (one == other).all()


def test_half_precision_of_gpus_is_refused_without_one():
    if gpus():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match="mixed_float16"):
        check_precision("mixed_float16")
