"""How far around a patch its targets reach."""

import numpy as np
import pytest

from auxcpvloss.methods import OUTSIDE, method_of
from auxcpvloss.pipeline import context
from auxcpvloss.pipeline.batch_maker import BatchMaker
from auxcpvloss.pipeline.context import near, output_shape, target_context, whole_nuclei_fit
from tests.conftest import blobs, configure, make_sample


@pytest.fixture(autouse=True)
def large_regions(monkeypatch):
    monkeypatch.setattr(context, "LARGE", 0)


@pytest.mark.parametrize("method", ["threeclass_cpv", "sdt_edt", "gauss", "affinities_cpv"])
def test_batches_are_the_same_with_less_memory(tmp_path, monkeypatch, method):
    labels = blobs((34, 40, 50), 40, seed=1)
    config = configure(model={"method": method})
    maker = BatchMaker([make_sample(tmp_path, labels / labels.max(), labels)], method_of(config), config)
    little = [maker.make(number) for number in range(4)]
    monkeypatch.setattr(context, "LARGE", 2**30)
    for less, more in zip(little, map(maker.make, range(4)), strict=True):
        assert (less.raw == more.raw).all()
        assert all((less.targets[head] == more.targets[head]).all() for head in more.targets)


def test_all_of_what_enters_the_patch_is_looked_at():
    labels = np.full((9, 20, 20), OUTSIDE)
    labels[1:8, 1:19, 1:19] = 0
    # In the patch and, in two pieces, far from it; beside the patch.
    labels[4, 9:12, 9] = labels[2, 4, 16] = 7
    labels[5:8, 15:19, 2:4] = 3
    patch = (slice(3, 6), slice(8, 12), slice(8, 12))
    assert near(labels, patch, 0) == (slice(2, 6), slice(4, 12), slice(8, 17))
    assert near(labels, patch, 5) == (slice(0, 9), slice(0, 20), slice(0, 20))
    labels[labels == 7] = 0
    assert near(labels, patch, 1) == (slice(1, 8), slice(6, 14), slice(6, 14))


def test_the_context_of_a_giant_is_bounded(tmp_path):
    labels = blobs((34, 40, 50), 40, seed=1)
    sample = make_sample(tmp_path, labels / labels.max(), labels)
    config = configure(model={"method": "threeclass_cpv"})
    (head,) = [head for head in method_of(config).heads if head.whole_instances]
    ordinary = target_context(head, [sample], config)
    assert whole_nuclei_fit([head], [sample], config)

    class Giant:
        max_extent, voxel_size = (800, 900, 1000), (1, 1, 1)

    cut = target_context(head, [sample, Giant], config)
    assert np.greater(cut, ordinary).all()
    assert np.prod(np.add(output_shape(config), np.multiply(2, cut))) <= context.MOST
    assert not whole_nuclei_fit([head], [sample, Giant], config)
