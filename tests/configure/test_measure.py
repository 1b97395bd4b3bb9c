"""What ``configure`` measures."""

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from auxcpvloss.config.tables import Data
from auxcpvloss.configure.facts import VolumeFacts, summarize
from auxcpvloss.configure.measure import guessed_diameter, measure_volume, touching
from auxcpvloss.data.sources.find import find_sources
from tests.conftest import configure


def measured(tmp_path, raw, labels, voxel_size=(1, 1, 1)) -> VolumeFacts:
    for name, array in (("images", raw), ("masks", labels)):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "a.tif", array, photometric="minisblack")
    config = configure(data={"input_format": "tif", "train_data": str(tmp_path), "voxel_size": list(voxel_size)})
    (source,) = find_sources(config.data, ["train"])["train"]
    assert isinstance(config.data, Data)
    return measure_volume(source, config.data, config.preprocessing)[0]


@given(arrays(np.uint32, (3, 4, 5), elements=st.integers(0, 4)))
def test_nuclei_touch_where_they_share_a_face(labels):
    expected = set()
    for place in np.ndindex(labels.shape):
        for axis in range(3):
            other = tuple(np.add(place, np.eye(3, dtype=int)[axis]))
            if other[axis] < labels.shape[axis] and labels[place] != labels[other] and labels[place] and labels[other]:
                expected |= {int(labels[place]), int(labels[other])}
    assert set(np.flatnonzero(touching(labels, 4)) + 1) == expected


def test_nuclei_are_measured(tmp_path):
    labels = np.zeros((12, 20, 20), np.uint16)
    # Labels need not be consecutive; the second is cut by the end, and only boundary.
    labels[2:9, 3:9, 3:8], labels[10:12, 12:17, 12:14] = 7, 300
    raw = np.where(labels == 7, 120, np.where(labels == 300, 60, 20)).astype(np.uint8)
    found = measured(tmp_path, raw, labels, (2, 1, 1))
    assert found.extents.tolist() == [[7, 6, 5], [2, 5, 2]]
    assert found.is_whole.tolist() == [True, False]
    assert found.has_interior.tolist() == [True, False]
    assert not found.is_touching.any()
    assert (found.brightness.background, found.brightness.nucleus) == (20, 90)
    facts = summarize([found])
    assert facts.extent == (7, 6, 5)
    assert (facts.shape, facts.nuclei, facts.interior) == ((12, 20, 20), 2, 0.5)


def test_volumes_of_different_voxels_are_compared_in_space(tmp_path):
    labels = np.zeros((12, 20, 20), np.uint16)
    labels[2:10, 3:11, 3:11] = 1
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    raw = (labels * 100 + np.arange(20)).astype(np.uint8)
    facts = summarize([measured(tmp_path / "a", raw, labels), measured(tmp_path / "b", raw, labels, (3, 3, 3))])
    assert facts.is_mixed
    assert (facts.voxel_size, facts.extent, facts.shape) == ((2, 2, 2), (8, 8, 8), (6, 10, 10))


def test_diameters_are_guessed_from_points():
    grid = np.stack(np.meshgrid(*[np.arange(4)] * 3), axis=-1).reshape(-1, 3) * (3, 6, 6)
    assert guessed_diameter(grid, (2.0, 1.0, 1.0)) == 6
    assert guessed_diameter(grid[:1], (1.0, 1.0, 1.0)) == pytest.approx(20)
    assert guessed_diameter(grid * 100, (1.0, 1.0, 1.0)) == 40
