"""The table of what overlaps, made slab by slab, against the whole volumes voxel by voxel."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage as ndi
from skimage.metrics import contingency_table

from auxcpvloss.metrics import overlaps
from auxcpvloss.metrics.tabulation import tabulate
from tests.metrics.volumes import LABELS, Volume, blobs


def voxel_by_voxel(*volumes: Volume) -> dict[tuple[int, ...], list[int]]:
    """{labels: number of voxels and sum of each coordinate}, in order of appearance."""
    found: dict[tuple[int, ...], list[int]] = {}
    for place in np.ndindex(volumes[0].shape):
        sums = found.setdefault(tuple(int(volume[place]) for volume in volumes), [0] * (1 + len(place)))
        for axis, number in enumerate((1, *place)):
            sums[axis] += number
    return found


@given(LABELS, LABELS, st.sampled_from([1, 4, 5, 12, 2**20]))
def test_slabs_of_any_size_give_what_is_there(truth: Volume, predicted: Volume, slab: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("auxcpvloss.metrics.tabulation.SLAB", slab)
        for volumes in ((truth, predicted), (truth.T, predicted.T), (truth[0, 0], predicted[1, 2]), (truth[:, ::2],)):
            table = tabulate(*volumes)
            columns = zip(*(column.tolist() for column in table.labels), strict=True)
            found = dict(zip(columns, table.sums.T.tolist(), strict=True))
            assert list(found.items()) == list(voxel_by_voxel(*volumes).items())


def test_centers_and_shared_voxels_are_those_of_scipy_and_scikit_image() -> None:
    rng = np.random.default_rng(1)
    truth, predicted = blobs(rng), blobs(rng)
    table = overlaps(truth, predicted)
    contingency = contingency_table(truth, predicted).toarray()
    assert contingency[1:, 1:].sum() == table.shared.sum()
    assert contingency[table.truth, table.predicted].tolist() == table.shared.tolist()
    for labels, ids, centers in (
        (truth, table.truth_ids, table.truth_centers),
        (predicted, table.predicted_ids, table.predicted_centers),
    ):
        np.testing.assert_allclose(centers, ndi.center_of_mass(labels > 0, labels, ids))


def test_memory_above_the_volumes_is_less_than_4_bytes_a_voxel() -> None:
    labels = np.arange(32**3, dtype=np.uint32).reshape(32, 32, 32)
    for axis in range(3):
        labels = np.repeat(labels, 8, axis=axis)
    moved = np.roll(labels, (2, 3, 1), (0, 1, 2))
    tracemalloc.start()
    table = overlaps(labels, moved)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert table.truth_ids.size == 32**3 - 1
    assert peak < 4 * labels.size


def test_what_every_slab_has_is_kept_once() -> None:
    labels = np.tile(np.arange(1000), (300, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("auxcpvloss.metrics.tabulation.SLAB", 1000)
        tracemalloc.start()
        table = tabulate(labels)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert table.sums[0].tolist() == [300] * 1000
    assert peak < labels.nbytes / 2
