"""Training at blind spots: what batches hold, and that it removes noise."""

import numpy as np
import pytest
from scipy import ndimage

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.methods import method_of
from auxcpvloss.metrics.psnr import psnr
from auxcpvloss.network import losses
from auxcpvloss.network.compiled import predict
from auxcpvloss.network.trainer import Trainer
from auxcpvloss.pipeline.batch_maker import BatchMaker
from tests.conftest import SMALL, blobs, configure, make_sample

LABELS = blobs((1, 96, 96), 25, seed=1, radius=8)
CLEAN = ndimage.gaussian_filter((LABELS > 0) * 0.4 + 0.3, (0, 1, 1)).astype(np.float32)
NOISY = (CLEAN + np.random.default_rng(0).normal(0, 0.1, CLEAN.shape)).clip(0, 1).astype(np.float32)
PATCH = {
    **SMALL,
    "ndim": 2,
    "train_input_shape": [32, 32],
    "test_input_shape": [96, 96],
    "downsample_factors": [[2, 2]],
    "kernel_size": [3, 3],
    "num_fmaps": 8,
    "num_repetitions": 2,
}
STILL = {"augmentation": {"intensity": {"scale": [1, 1], "shift": [0, 0]}}}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Of which nobody annotated the right half."""
    labels = LABELS.copy()
    labels[..., 48:] = IGNORED
    return make_sample(tmp_path_factory.mktemp("sample"), NOISY, labels, ignore_label=int(IGNORED))


def test_both_tasks_learn_from_one_patch(sample):
    model = {**PATCH, "method": "threeclass", "auxiliary": ["n2v"], "blind_share": 0.02}
    config = configure(model=model, training=STILL)
    maker, found = BatchMaker([sample], method_of(config), config), []
    for number in range(8):
        batch = maker.make(number)
        spots = batch.raw != batch.targets["n2v"]
        annotated, blind = np.split(batch.region, 2, axis=1)
        assert (blind[spots] == losses.INSTANCE).mean() > 0.5
        learnt = batch.targets["n2v"][blind == losses.INSTANCE]
        assert np.abs(learnt[:, np.newaxis] - NOISY.reshape(-1)).min(axis=1).max() < 1e-6
        assert spots[blind == losses.INSTANCE].all()
        assert (blind == losses.INSTANCE).sum() <= round(0.02 * 32 * 32)
        found.append((blind == losses.INSTANCE) & (annotated == losses.OUTSIDE))
    assert np.sum(found) > 10


def test_noise_is_removed_that_no_clean_image_was_seen_of(sample):
    config = configure(
        model={**PATCH, "method": "noise2void", "blind_share": 0.05},
        optimizer={"lr": 0.01},
        training={**STILL, "batch_size": 4, "p_nonempty": 0.0},
    )
    method = method_of(config)
    maker, trainer, seen = BatchMaker([sample], method, config), Trainer(config, method), []
    for number in range(1, 61):
        seen.append(trainer.finish(trainer.step(number, trainer.ready(maker.make(number))))["loss"])
    assert np.mean(seen[-10:]) < 0.7 * np.mean(seen[:5])
    # All of the noise stays in the loss, which is that of noisy voxels.
    assert np.mean(seen[-10:]) > 0.008
    (denoised,) = predict(trainer.network, _tiles(NOISY)).values()
    before, after = psnr(_tiles(CLEAN), _tiles(NOISY)), psnr(_tiles(CLEAN), denoised)
    assert after > before + 3


def _tiles(image):
    """The image in pieces of the shape of a patch: (B, 1, 1, 32, 32)."""
    return image.reshape(3, 32, 3, 32).swapaxes(1, 2).reshape(9, 1, 1, 32, 32)
