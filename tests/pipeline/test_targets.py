"""Targets that depend on the image, and corruption of the image behind their back."""

from dataclasses import replace

import gunpowder as gp
import numpy as np
import pytest

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.methods import METHODS, OUTSIDE
from auxcpvloss.methods.method import FromRaw, Head
from auxcpvloss.network import losses
from auxcpvloss.pipeline.batch_maker import BatchMaker
from auxcpvloss.pipeline.context import output_shape
from auxcpvloss.pipeline.patch import SeededRequest
from tests.conftest import blobs, configure, make_sample
from tests.pipeline.test_batch_maker import SMALL


def sums(raw, labels):
    """Sum of the image over the voxels 3 before and 3 behind along x, where there is a nucleus."""
    total = np.pad(raw[:, :, 6:] + raw[:, :, :-6], ((0, 0), (0, 0), (3, 3)))
    return (total * ((labels > 0) & (labels != OUTSIDE)))[np.newaxis]


def blind_spots(raw, rng):
    spots = rng.random(raw.shape) < 0.1
    return np.where(spots, np.float32(-1), raw), spots


RESTORING = replace(
    METHODS["threeclass"],
    heads=(*METHODS["threeclass"].heads, Head("sums", 1, FromRaw(sums), "squared_difference", lambda each: each, 3)),
    corrupt=lambda config: lambda raw, rng: (raw, np.zeros(raw.shape, bool)),
)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    labels = blobs((34, 40, 50), 40, seed=1)
    return make_sample(tmp_path_factory.mktemp("sample"), np.random.default_rng(0).random(labels.shape), labels)


@pytest.mark.parametrize("sizes", [{}, {"padding": "same", "test_input_shape": [40, 40, 40]}])
def test_a_target_is_made_from_the_image_that_the_network_sees(sample, sizes):
    maker = BatchMaker([sample], RESTORING, configure(model=SMALL | sizes))
    for number in range(5):
        batch = maker.make(number)
        raw, region, target = batch.raw[0, 0], batch.region[0, 0], batch.targets["sums"][0, 0]
        margin = (raw.shape[0] - target.shape[0]) // 2
        inner = slice(margin, raw.shape[0] - margin)
        of_raw = np.where(region == losses.INSTANCE, sums(raw, np.ones_like(raw))[0, inner, inner, inner], 0)
        # Of a same network the image ends where the target does, whose context does not.
        far = slice(None) if margin >= 3 else slice(3, -3)
        np.testing.assert_array_equal(target[:, :, far], of_raw[:, :, far])
        assert target.any()


def test_the_input_is_corrupted_after_the_targets_are_made(sample):
    clean = BatchMaker([sample], RESTORING, configure(model=SMALL))
    blind = BatchMaker([sample], replace(RESTORING, corrupt=lambda config: blind_spots), configure(model=SMALL))
    for number in range(3):
        before, after, again = clean.make(number), blind.make(number), blind.make(number)
        spots = after.raw != before.raw
        assert 0.05 < spots.mean() < 0.15
        assert (after.raw[spots] == -1).all()
        assert all((after.targets[name] == before.targets[name]).all() for name in before.targets)
        within = spots[:, :, 8:-8, 8:-8, 8:-8] & (before.region[:, :1] != losses.OUTSIDE)
        np.testing.assert_array_equal(after.region[:, :1], before.region[:, :1])
        np.testing.assert_array_equal(after.region[:, 1:], np.where(within, losses.INSTANCE, losses.OUTSIDE))
        np.testing.assert_array_equal(again.raw, after.raw)


def test_blind_spots_count_where_nobody_annotated_but_not_beyond_the_volume(tmp_path):
    labels = blobs((34, 40, 50), 40, seed=1)
    labels[:, :, 25:] = IGNORED
    sample = make_sample(tmp_path, np.random.default_rng(0).random(labels.shape), labels, ignore_label=int(IGNORED))
    model = SMALL | {"padding": "same", "test_input_shape": [40, 40, 40], "method": "threeclass"}
    config = configure(model=model, training={"p_nonempty": 0.0})
    maker = BatchMaker([sample], replace(RESTORING, corrupt=lambda config: blind_spots), config)
    unknown = beyond = 0
    for number in range(6):
        request = gp.BatchRequest()
        for key in (maker.raw, *maker.targets, maker.labels, maker.region):
            request.add(key, output_shape(config))
        batch = maker.pipeline.request_batch(SeededRequest(request.array_specs, random_seed=number))
        labels, (annotated, blind) = batch[maker.labels].data, batch[maker.region].data
        spots = batch[maker.raw].data == -1
        np.testing.assert_array_equal(annotated == losses.OUTSIDE, labels >= IGNORED)
        np.testing.assert_array_equal(blind == losses.INSTANCE, spots & (labels != OUTSIDE))
        unknown, beyond = unknown + (spots & (labels == IGNORED)).sum(), beyond + (spots & (labels == OUTSIDE)).sum()
    assert unknown > 100
    assert beyond > 100
