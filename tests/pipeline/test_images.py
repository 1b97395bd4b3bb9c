"""Batches of images: volumes of one plane, of which z takes no part."""

import numpy as np
import pytest

from auxcpvloss.methods import METHODS, OUTSIDE
from auxcpvloss.methods.sdt import CONTEXT
from auxcpvloss.network import losses
from auxcpvloss.pipeline.batch_maker import BatchMaker
from auxcpvloss.pipeline.context import target_context
from tests.conftest import blobs, configure, make_sample

SMALL = {"ndim": 2, "train_input_shape": [28, 28], "test_input_shape": [28, 28], "downsample_factors": [[2, 2]], "fmap_inc_factors": [2], "fmap_dec_factors": [2]}  # fmt: skip
STILL = {"elastic": {"jitter_sigma": [0, 0], "rotation_min": 0, "rotation_max": 0}, "intensity": {"scale": [1, 1], "shift": [0, 0]}}  # fmt: skip


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    labels = blobs((1, 60, 70), 25, seed=0)
    return make_sample(tmp_path_factory.mktemp("image"), labels > 0, labels)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("p_nonempty", [0, 1])
def test_every_patch_is_of_the_plane(sample, p_nonempty, padding):
    """Deformed, rotated, mirrored and transposed, it stays where the image is."""
    sizes = {"train_input_shape": [28, 28], "test_input_shape": [96, 96]} if padding == "same" else {}
    change = {"model": SMALL | sizes | {"padding": padding}, "training": {"p_nonempty": p_nonempty}}
    maker = BatchMaker([sample], METHODS["threeclass_cpv"], configure(**change))
    batches = [maker.make(number) for number in range(25)]
    assert {batch.raw.shape for batch in batches} == {(1, 1, 1, 28, 28)}
    known = np.array([(batch.region != losses.OUTSIDE).mean() for batch in batches])
    assert known.min() > 0.2
    assert known.mean() > (0.95 if padding == "valid" else 0.7)
    assert all((batch.targets["cpv"][:, 0] == 0).all() for batch in batches)
    # As many pixels of a nucleus at the image's border are interior as elsewhere.
    for batch in batches:
        raw = batch.raw[0, 0, 0] if padding == "same" else batch.raw[0, 0, 0, 8:-8, 8:-8]
        assert ((raw > 0.5) == (batch.region[0, 0, 0] == losses.INSTANCE)).mean() > 0.9


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_no_plane_is_asked_for_beyond_the_image(sample, method):
    """A target is the same as with its context above and below, where nothing is: 91 planes for sdt."""
    labels = np.asarray(sample.labels)
    for head in method.heads:
        assert target_context(head, [sample], configure(model=SMALL))[0] == 0
        beyond = np.pad(labels, ((CONTEXT, CONTEXT), (0, 0), (0, 0)), constant_values=OUTSIDE)
        np.testing.assert_array_equal(head.target(beyond)[:, CONTEXT], head.target(labels)[:, 0])


def test_targets_are_those_of_two_dimensions(sample):
    """Brute force: boundary where one of the eight neighbours in the image is of another label; no plane above."""
    maker = BatchMaker([sample], METHODS["threeclass_cpv"], configure(model=SMALL, training={"augmentation": STILL}))
    whole, centers = sample.labels[0], sample.centers()
    height, width = whole.shape
    boundary = np.zeros(whole.shape, bool)
    for y, x in np.argwhere(whole):
        boundary[y, x] = (whole[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] != whole[y, x]).any()
    expected = (whole > 0).astype(int) + boundary
    vectors = np.zeros((2, *whole.shape))
    for _, cy, cx, label in centers:
        where = np.nonzero(whole == label)
        vectors[:, *where] = np.subtract([[cy], [cx]], where)
    # A patch may reach a voxel beyond the image; nothing is there.
    expected, vectors = np.pad(expected, 1), np.pad(vectors, ((0, 0), (1, 1), (1, 1)))
    found = []
    for number in range(12):
        batch = maker.make(number)
        classes, cpv = batch.targets["threeclass"][0, 0, 0], batch.targets["cpv"][0, 1:, 0]
        # Mirrored and transposed the patch may be: of all its eight ways, one lies somewhere in the image.
        places = [
            (turned, y, x)
            for turned in turns(classes)
            for y in range(height - 9)
            for x in range(width - 9)
            if (expected[y : y + 12, x : x + 12] == turned).all()
        ]
        assert places, number
        lengths = {tuple(np.sort((vectors[:, y : y + 12, x : x + 12] ** 2).sum(axis=0).ravel()).round(3)) for _, y, x in places}  # fmt: skip
        assert any(np.allclose(np.sort((cpv**2).sum(axis=0).ravel()), length, atol=1e-2) for length in lengths)
        found += places
    assert any(y <= 1 or y >= height - 11 or x <= 1 or x >= width - 11 for _, y, x in found)


def turns(patch):
    for flat in (patch, patch.T):
        yield from (flat, flat[::-1], flat[:, ::-1], flat[::-1, ::-1])
