"""The network that predicts has the weights of the trained one, and computes no more than is asked for."""

import numpy as np
import pytest

from auxcpvloss.methods import METHODS
from auxcpvloss.network.architectures import architecture_of, largest_input, predicting, tiling_of
from auxcpvloss.network.compiled import build_for_prediction, predict, prediction_network
from auxcpvloss.network.trainer import Trainer
from auxcpvloss.system.processors import ONEDNN, arithmetic, has_bfloat16
from tests.conftest import configure

METHOD = METHODS["threeclass_cpv"]
SMALL = {"train_input_shape": [28, 28, 28], "num_fmaps": 4, "downsample_factors": [[2, 2, 2]], "fmap_inc_factors": [2], "fmap_dec_factors": [2]}  # fmt: skip
SHAPE = (28, 32, 28)


@pytest.mark.parametrize("change", [{}, {"padding": "same"}, {"upsampling": "transposed_conv"}, {"normalization": "group"}])  # fmt: skip
def test_heads_do_not_depend_on_which_others_are_computed(tmp_path, change):
    config = configure(model=SMALL | {"test_input_shape": []} | change)
    trainer = Trainer(config, METHOD)
    trainer.save(tmp_path / "1.keras")
    raw = np.random.default_rng(0).random((1, 1, *SHAPE), dtype=np.float32)
    networks = {heads: prediction_network(config, METHOD, SHAPE, tmp_path / "1.keras", heads) for heads in (None, ("threeclass",), ("cpv",))}  # fmt: skip
    both, *each = (network(raw) for network in networks.values())
    assert [set(one) for one in each] == [{"threeclass"}, {"cpv"}]
    for one in each:
        for head, prediction in one.items():
            np.testing.assert_allclose(prediction, both[head], atol=1e-5)
    if not change:
        trained = predict(Trainer(config, METHOD, tmp_path / "1.keras").network, raw[..., :28, :])
        np.testing.assert_allclose(both["cpv"][..., : trained["cpv"].shape[-2], :], trained["cpv"], atol=1e-5)


def test_the_memory_of_a_prediction_limits_its_tiles():
    """By hand: the input and output of a convolution."""
    bare = {"downsample_factors": [], "fmap_inc_factors": [], "fmap_dec_factors": [], "num_repetitions": 1, "num_fmaps": 5, "train_input_shape": [12] * 3, "test_input_shape": []}  # fmt: skip
    model = configure(model=bare).model
    assert architecture_of(model).memory_of_prediction(model, (12, 13, 14)) == 4 * 2 * 5 * 12 * 13 * 14
    config = configure(model=bare, prediction={"tile_memory": 0.001})
    tiling = tiling_of(config, (100, 100, 100))
    assert 0.5 < 40 * np.prod(tiling.input_shape) / (0.001 * 2**30) <= 1
    assert np.prod(tiling.counts) > 20
    # As much as there is, where that is less.
    assert np.prod(tiling_of(config, (100, 100, 100), 10_000).input_shape) <= 250
    assert tiling_of(configure(model=bare), (100, 100, 100)).counts == (1, 1, 1)


@pytest.mark.parametrize("change", [{}, {"padding": "same"}])
def test_the_most_memory_is_where_parts_are_joined(change):
    """In a large tile of a network with one level below; the layers of the network say how large they are."""
    config = configure(model=SMALL | {"test_input_shape": [], "num_repetitions": 1} | change)
    shape = largest_input(config, (60, 60, 60))
    network = build_for_prediction(config, METHOD, shape, METHOD.heads, "float32")
    joined = 4 * int(np.prod(network.get_layer("join_0").output.shape[1:]))
    model = predicting(config.model)
    assert architecture_of(model).memory_of_prediction(model, shape) == 2 * joined


def test_bfloat16_is_for_machines_that_are_made_for_it():
    made_for_it = {"AVX512_BF16", "AMX_BF16"} & set(arithmetic({}).instruction_sets.split())
    assert has_bfloat16({ONEDNN: "1"}) == bool(made_for_it)
    assert not has_bfloat16({ONEDNN: "0"})
    assert not has_bfloat16({ONEDNN: "1", "ONEDNN_MAX_CPU_ISA": "AVX2"})
