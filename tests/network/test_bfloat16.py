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
LIMIT = "ONEDNN_MAX_CPU_ISA"


def test_thin_patches_do_without_amx(monkeypatch):
    monkeypatch.setattr("auxcpvloss.system.processors.field", lambda path, name: "avx512_bf16 amx_bf16")
    found = {"TF_ENABLE_ONEDNN_OPTS": "1"}
    for config in (configure(**IMAGES), configure(**FAST | model([8, 96, 96], [2, 2, 2]))):
        choose_instruction_sets(config, found)
        assert LIMIT not in found
    choose_instruction_sets(configure(**FAST | IMAGES), found)
    assert found[LIMIT] == "AVX512_CORE_BF16"
    assert has_bfloat16(found)
    given = {LIMIT: "AVX2"}
    choose_instruction_sets(configure(**FAST | IMAGES), given)
    assert given == {LIMIT: "AVX2"}
    monkeypatch.setattr("auxcpvloss.system.processors.field", lambda path, name: "avx512_bf16")
    choose_instruction_sets(configure(**FAST | IMAGES), elsewhere := {})
    assert not elsewhere


GRADIENT = """
import keras, tensorflow as tf
from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment.configuration import load
from auxcpvloss.network.bfloat16 import choose_instruction_sets
import os
choose_instruction_sets(load([ConfigFile("a", {tables})]), os.environ)
with tf.GradientTape() as tape:
    image, kernel = (tf.Variable(tf.ones(shape, tf.bfloat16)) for shape in ((1, 1, 96, 96, 8), (1, 3, 3, 8, 8)))
    loss = tf.reduce_sum(tf.nn.conv3d(image, kernel, [1] * 5, "SAME"))
print(float(tape.gradient(loss, kernel)[0, 1, 1, 0, 0]))
"""


@pytest.mark.skipif("AMX_BF16" not in arithmetic({}).instruction_sets, reason="this processor has no AMX")
def test_images_are_trained_on_by_a_processor_with_amx():
    environment = {key: value for key, value in os.environ.items() if key != LIMIT}
    program = GRADIENT.replace("{tables}", repr(FAST | IMAGES))
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "9216.0\n"), done.stderr
