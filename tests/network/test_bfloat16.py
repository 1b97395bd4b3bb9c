import os
import subprocess
import sys

import pytest

from auxcpvloss.network.bfloat16 import choose_instruction_sets, warnings
from auxcpvloss.system.processors import arithmetic, has_bfloat16
from tests.conftest import configure

FAST = {"training": {"precision": "mixed_bfloat16"}}


def model(shape: list[int], *factors: list[int], **keys: object) -> dict:
    maps = [2] * len(factors)
    sizes = {"train_input_shape": shape, "downsample_factors": list(factors)}
    return {"model": {"padding": "same", "fmap_inc_factors": maps, "fmap_dec_factors": maps, **sizes, **keys}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (model([16, 16, 16], [2, 2, 2], [2, 2, 2]), []),
        (model([8, 16, 32], [2, 2, 2], [2, 2, 2]), ["2 voxels along z"]),
        # Four voxels are enough, and an axis that is not pooled may be thin.
        (model([2, 16, 8], [1, 2, 2], [1, 2, 2]), ["2 voxels along x"]),
        (model([4, 6], [2, 2], ndim=2, kernel_size=3), ["2 voxels along y", "3 voxels along x"]),
        # Unpadded convolutions have taken 4 voxels off, twice, before the coarsest level.
        (model([18, 18, 18], [2, 2, 2], padding="valid"), []),
        (model([44, 44, 44], [2, 2, 2], [2, 2, 2], padding="valid"), []),
    ],
)
def test_pooled_axes_with_few_voxels_are_warned_of(change, said):
    found = list(warnings(configure(**FAST | change)))
    assert len(found) == len(said)
    assert all(words in warning for words, warning in zip(said, found, strict=True))
    assert all("training.precision" in warning for warning in found)
    assert not list(warnings(configure(**change)))


IMAGES = model([96, 96], [2, 2], ndim=2, kernel_size=3)
THIN = model([4, 96, 96], [1, 2, 2], kernel_size=[3, 3, 3])
LIMIT = "ONEDNN_MAX_CPU_ISA"


def test_thin_patches_do_without_amx(monkeypatch):
    monkeypatch.setattr("auxcpvloss.system.processors.field", lambda path, name: "avx512_bf16 amx_bf16")
    found = {"TF_ENABLE_ONEDNN_OPTS": "1"}
    others = (THIN, FAST | model([8, 96, 96], [2, 2, 2]), FAST | IMAGES, FAST | model([4, 96, 96], [1, 2, 2], kernel_size=[1, 3, 3]))  # fmt: skip
    for change in others:
        choose_instruction_sets(configure(**change), found)
        assert LIMIT not in found
    choose_instruction_sets(configure(**FAST | THIN), found)
    assert found[LIMIT] == "AVX512_CORE_BF16"
    assert has_bfloat16(found)
    given = {LIMIT: "AVX2"}
    choose_instruction_sets(configure(**FAST | THIN), given)
    assert given == {LIMIT: "AVX2"}
    monkeypatch.setattr("auxcpvloss.system.processors.field", lambda path, name: "avx512_bf16")
    choose_instruction_sets(configure(**FAST | THIN), elsewhere := {})
    assert not elsewhere


STEP = """
import os
import numpy as np
from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment.configuration import load
from auxcpvloss.methods import method_of
from auxcpvloss.network.batch import Batch
from auxcpvloss.network.bfloat16 import choose_instruction_sets
from auxcpvloss.network.trainer import Trainer
config = load([ConfigFile("a", {tables})])
choose_instruction_sets(config, os.environ)
trainer = Trainer(config, method_of(config))
shape = (1, 1, *config.model.train_input_shape)
targets = {"threeclass": np.ones(shape, np.uint8)}
batch = Batch(np.random.default_rng(0).random(shape, np.float32), targets, np.ones(shape, np.uint8))
losses = trainer.finish(trainer.step(1, trainer.ready(batch)))
print(losses)
"""


@pytest.mark.skipif("AMX_BF16" not in arithmetic({}).instruction_sets, reason="this processor has no AMX")
@pytest.mark.parametrize(
    ("patch", "upsampling"),
    [(IMAGES, "resize_conv"), (IMAGES, "transposed_conv"), (THIN, "resize_conv")],
    ids=["image", "transposed", "thin"],
)
def test_processors_with_amx_train_on_images_and_thin_patches(patch, upsampling):
    environment = {key: value for key, value in os.environ.items() if key != LIMIT}
    environment["TF_ENABLE_ONEDNN_OPTS"] = "1"
    keys = {"method": "threeclass", "upsampling": upsampling, "num_fmaps": 8}
    program = STEP.replace("{tables}", repr(FAST | {"model": {**patch["model"], **keys}}))
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
