"""Training patches of volumes of which parts are not annotated."""

import gunpowder as gp
import numpy as np
import pytest

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.methods import METHODS, OUTSIDE, find_method, method_of
from auxcpvloss.methods.method import KNOWN, UNKNOWN
from auxcpvloss.network import losses
from auxcpvloss.pipeline.batch_maker import BatchMaker, output_shape
from auxcpvloss.pipeline.patch import SeededRequest
from tests.conftest import SMALL, blobs, configure, make_sample

LABELS = blobs((34, 40, 50), 40, seed=1)
BOX = (slice(5, 25), slice(8, 30), slice(10, 40))
PLANES = (slice(None, None, 8),)
AUGMENTATION = {"zoom": {"probability": 1.0}, "elastic": {"rotation_min": -90, "rotation_max": 90}}


def marked(where, labels=LABELS):
    """Labels, annotated in a part of the volume."""
    given = np.full(labels.shape, IGNORED)
    given[where] = labels[where]
    return given


def maker_of(folder, labels, method, patch=(16, 16, 16), **training):
    sample = make_sample(folder, LABELS > 0, labels, ignore_label=int(IGNORED))
    model = {**SMALL, "method": method, "train_input_shape": list(patch)}
    config = configure(model=model, training={"augmentation": AUGMENTATION, **training})
    return BatchMaker([sample], method_of(config), config)


@pytest.mark.parametrize(
    "method", ["threeclass_cpv", "sdt_edt", "affinities_cpv", "nedt_border", "threeclass_outer", "gauss"]
)
@pytest.mark.parametrize("where", [BOX, PLANES], ids=["box", "planes"])
def test_losses_count_where_labels_were_annotated(tmp_path, method, where):
    """After all deformations and exchanges of axes, the region follows the labels; each patch has something to learn."""
    maker = maker_of(tmp_path, marked(where), method)
    known = []
    for number in range(20):
        request = gp.BatchRequest()
        for key in (maker.raw, *maker.targets, maker.labels, maker.region):
            request.add(key, output_shape(maker.config))
        batch = maker.pipeline.request_batch(SeededRequest(request.array_specs, random_seed=number))
        labels, region = batch[maker.labels].data, batch[maker.region].data[0]
        np.testing.assert_array_equal(region == losses.OUTSIDE, labels >= IGNORED)
        np.testing.assert_array_equal(region == losses.INSTANCE, (labels > 0) & (labels < IGNORED))
        known.append(region != losses.OUTSIDE)
        assert (labels == IGNORED).any() or labels.max() < IGNORED
    assert min(each.sum() for each in known) > 0
    assert np.mean(known) < 0.9


def test_no_patch_is_drawn_that_has_nothing_to_learn(tmp_path):
    """Without deformation, which may shift a patch from the last annotated voxel."""
    corner = (slice(0, 6), slice(30, 40), slice(20, 30))
    off = {"simple": {"mirror": [], "transpose": []}, "elastic": {"jitter_sigma": [0, 0, 0], "rotation_min": 0, "rotation_max": 0}}  # fmt: skip
    maker = maker_of(tmp_path, marked(corner), "threeclass", (8, 8, 8), augmentation=off, p_nonempty=0.0)
    known = [(maker.make(number).region != losses.OUTSIDE).sum() for number in range(60)]
    assert min(known) > 0
    assert len(set(known)) > 20


@pytest.mark.parametrize("name", [*METHODS, "threeclass_edt"])
@pytest.mark.parametrize("where", [BOX, PLANES], ids=["box", "planes"])
def test_what_is_not_annotated_is_to_targets_as_the_end_of_the_volume(name, where):
    """But for affinities to it, and distances that it may limit, which are not known; of planes, most of them are."""
    given = marked(where)
    end = np.where(given == IGNORED, OUTSIDE, given)
    for head in find_method(name).heads:
        one, other = (head.target(labels)[:, given < IGNORED] for labels in (given, end))
        unknown, may_be = one == UNKNOWN, head.name == "affs" or head.loss == KNOWN
        unknown &= may_be
        assert unknown.any() == may_be
        assert where == BOX or unknown.mean() < 0.1
        np.testing.assert_array_equal(one[~unknown], other[~unknown])


@pytest.mark.parametrize("kind", ["cross_entropy", "cross_entropy+dice"])
@pytest.mark.parametrize("name", [*METHODS, "threeclass_edt"])
def test_no_loss_depends_on_what_the_network_says_where_nobody_annotated(name, kind):
    """Nor on what the labels would be there: classes are balanced without them."""
    given, config = marked(BOX), configure(model={"method": name}, training={"class_loss": kind})
    region = np.where(given == IGNORED, losses.OUTSIDE, losses.BACKGROUND + (given > 0))[np.newaxis, ..., np.newaxis]
    rng = np.random.default_rng(0)
    for head in find_method(name).heads:
        target = np.moveaxis(head.target(given), 0, -1)[np.newaxis].astype(np.float32)
        prediction = rng.normal(size=(1, *given.shape, head.channels)).astype(np.float32)
        values = set()
        for _ in range(3):
            loss = losses.loss_of(head, config)(target, prediction, region.astype(np.float32))
            values.add(float(loss[0]))
            prediction[0, given == IGNORED] = rng.normal(0, 9, size=prediction[0, given == IGNORED].shape)
            target[0, given == IGNORED] = rng.integers(0, 2, size=target[0, given == IGNORED].shape)
        assert len(values) == 1
        assert values.pop() > 0
