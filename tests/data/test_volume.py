"""Arrays that are not read yet, of every kind that the stages hand on."""

import pickle
import shutil

import h5py
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.data.decoded_files import Content, Contents
from auxcpvloss.data.open_samples import open_sample
from auxcpvloss.data.sources.find import find_sources
from auxcpvloss.data.volume import Volume
from auxcpvloss.system.errors import InputError
from tests.data.volumes import configured, make_folder

SHAPE = (5, 7, 9)
ATTRIBUTES = {"offset": [1, 0, -2.5], "resolution": [2, 1, 0.5]}


@pytest.fixture(scope="module", params=[("a.zarr", ()), ("a.zarr", (3,)), ("a.hdf", ())], ids=str)
def stored(request, tmp_path_factory):
    """A volume, and the array that it is of."""
    name, channels = request.param
    path = tmp_path_factory.mktemp("volume") / name
    array = np.random.default_rng(0).integers(0, 99, (*channels, *SHAPE)).astype(np.uint32)
    if path.suffix == ".hdf":
        with h5py.File(path, "w") as file:
            file.create_dataset("x/y", data=array, compression="gzip").attrs.update(ATTRIBUTES)
    else:
        root = zarr.open_group(str(path), mode="w")
        root.create_dataset("x/y", data=array, chunks=3, write_empty_chunks=True).attrs.update(ATTRIBUTES)
    return Volume(path, "x/y"), array


@given(st.tuples(*[st.tuples(st.integers(0, size), st.integers(0, size + 3)) for size in SHAPE]))
def test_a_box_is_read_with_all_channels(stored, ends):
    volume, array = stored
    assert (volume.shape, volume.dtype) == (array.shape, array.dtype)
    assert (volume.offset, volume.voxel_size) == ((1, 0, -2.5), (2, 1, 0.5))
    box = tuple(slice(min(pair), max(pair)) for pair in ends)
    np.testing.assert_array_equal(volume.read(box), array[(..., *box)])


def test_a_volume_is_sliced_and_read_whole_like_an_array(stored):
    volume, array = stored
    for found in (volume.read(), volume[:], np.asarray(volume)):
        np.testing.assert_array_equal(found, array)
    assert (volume[..., 1, 2].tolist(), volume.lacking()) == (array[..., 1, 2].tolist(), "")


def test_what_is_missing_of_a_volume_is_told(tmp_path, stored):
    volume, array = stored
    path = tmp_path / volume.path.name
    (shutil.copytree if volume.path.is_dir() else shutil.copy)(volume.path, path)
    damaged = Volume(path, "x/y")
    last = path / "x/y" / ".".join(["0"] * (array.ndim - 3) + ["1", "2", "2"])
    if path.is_dir():
        last.unlink()
        assert "1 of" in damaged.lacking()
        np.testing.assert_array_equal(damaged.read((slice(0, 2),) * 3), array[..., :2, :2, :2])
    else:
        path.write_bytes(path.read_bytes()[:2500])
    with pytest.raises(InputError, match=r"Remove .* and repeat the command to create it again\."):
        damaged.read()


def test_a_sample_is_opened_once(prepared, monkeypatch):
    opened, open_group = [], zarr.open_group
    monkeypatch.setattr(zarr, "open_group", lambda *args, **kwargs: opened.append(args) or open_group(*args, **kwargs))
    first = open_sample(prepared.samples("train")[0].path)
    opened.clear()
    for sample in (open_sample(first.path), pickle.loads(pickle.dumps(first))):
        assert sample.raw.read().shape == sample.shape == sample.truth.shape == sample.labels.shape
        assert sample.voxel_size == sample.truth.voxel_size == (1, 1, 1)
        assert sample.made_from["version"]
        assert sample.has_truth
        assert not sample.lacking()
    assert len(opened) == 2


def test_contents_are_kept_as_far_as_memory_goes(tmp_path, monkeypatch):
    make_folder(tmp_path, "abc")
    data = configured(test_data=tmp_path)
    sources = find_sources(data, ["test"])["test"]
    read, size = [], Content.of(sources[0], data).nbytes
    of = Content.of.__func__
    monkeypatch.setattr(
        Content, "of", classmethod(lambda cls, source, data: read.append(source.name) or of(cls, source, data))
    )
    contents = Contents(data, 2 * size)
    first = [contents.first(source) for source in sources]
    last = [contents.last(source) for source in sources]
    assert read == ["a", "b", "c", "c"]
    assert [one is other for one, other in zip(first, last, strict=True)] == [True, True, False]
    for one, other in zip(first, last, strict=True):
        np.testing.assert_array_equal(one.raw, other.raw)
    # What was given is not kept any longer.
    assert contents.last(sources[0]) is not last[0]
