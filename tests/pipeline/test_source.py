"""Boxes of volumes, read through a cache of decoded chunks."""

import gunpowder as gp
import numpy as np
import pytest

from auxcpvloss.pipeline.source import DecodedChunks, PaddedSource
from tests.conftest import make_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    rng = np.random.default_rng(0)
    labels = rng.integers(1000, size=(70, 40, 150), dtype=np.uint32)
    return make_sample(tmp_path_factory.mktemp("sample"), rng.random(labels.shape, np.float32), labels)


@pytest.mark.parametrize("limit", [0, 2**20, 2**30])
def test_boxes_are_those_of_the_volume_whatever_is_held(sample, limit):
    chunks, rng = DecodedChunks(limit), np.random.default_rng(1)
    whole = {volume: volume[...] for volume in (sample.raw, sample.truth)}
    for _ in range(20):
        first = rng.integers(sample.shape)
        last = rng.integers(first, sample.shape) + 1
        for volume, expected in whole.items():
            read = np.empty(last - first, volume.dtype)
            chunks.read(volume, first, read)
            np.testing.assert_array_equal(read, expected[tuple(map(slice, first, last))])
            assert chunks.size == sum(chunk.nbytes for chunk in chunks._held.values()) <= limit


def test_a_chunk_that_is_held_is_not_decoded_again(sample):
    chunks, held = DecodedChunks(), []
    for _ in range(2):
        chunks.read(sample.raw, (60, 0, 0), np.empty((10, 40, 20), np.float32))
        held.append([id(chunk) for chunk in chunks._held.values()])
    assert len(held[0]) == 2
    assert held[0] == held[1]


@pytest.mark.parametrize(
    "box",
    [((-5, -6, -7), (90, 60, 170)), ((10, 10, 10), (5, 5, 5)), ((80, 0, 0), (5, 5, 5)), ((-9, 39, 140), (9, 1, 9))],
)
def test_volumes_are_continued_beyond_their_ends(sample, box):
    raw, labels = gp.ArrayKey("RAW"), gp.ArrayKey("LABELS")
    source = PaddedSource({raw: sample.raw, labels: sample.truth}, {raw: 0, labels: 9}, (20, 20, 20), DecodedChunks())
    source.setup()
    request = gp.BatchRequest({key: gp.ArraySpec(roi=gp.Roi(*box)) for key in (raw, labels)})
    batch = source.request_batch(request)
    inside = tuple(slice(20 + first, 20 + first + size) for first, size in zip(*box, strict=True))
    np.testing.assert_array_equal(batch[raw].data, np.pad(sample.raw[...], 20)[inside])
    np.testing.assert_array_equal(batch[labels].data, np.pad(sample.truth[...], 20, constant_values=9)[inside])
    assert (batch[raw].spec.interpolatable, batch[labels].spec.interpolatable) == (True, False)
