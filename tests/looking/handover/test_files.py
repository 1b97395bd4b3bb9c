"""TIFF and OME-Zarr, as other programs read them."""

import json

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.config.units import Space
from auxcpvloss.data.missing_chunks import lacking_chunks
from auxcpvloss.looking.handover import label_tiff
from auxcpvloss.looking.handover.label_tiff import write_labels
from auxcpvloss.looking.handover.ome_zarr import SMALLEST, levels, store, write_ome_zarr
from tests.data.volumes import only
from tests.looking.handover.scenes import SPACE, found


@pytest.mark.parametrize(("greatest", "dtype"), [(65_535, np.uint16), (65_536, np.uint32)])
def test_labels_come_back_from_a_tiff_with_the_size_of_a_voxel(tmp_path, greatest, dtype):
    labels = np.where(found() == 70, greatest, found()).astype(np.uint32)
    write_labels(tmp_path / "a.tif", labels, SPACE)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert (file.is_imagej, file.asarray().dtype) == (dtype == np.uint16, dtype)
        assert (file.asarray() == labels).all()
        assert file.is_imagej or file.ome_metadata.count('Unit="µm"') == 3
    (tmp_path / "images").mkdir()
    (tmp_path / "a.tif").rename(tmp_path / "images" / "a.tif")
    assert only(tmp_path).voxel_size() == pytest.approx(SPACE.voxel_size)
    assert (tmp_path / "images" / "a.tif").stat().st_size < labels.nbytes / 2


def test_more_than_fits_imagej_is_written_otherwise(tmp_path, monkeypatch):
    monkeypatch.setattr(label_tiff, "IMAGEJ_BYTES", 100)
    write_labels(tmp_path / "a.tif", found(), Space((2, 1, 1)))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_ome
        # Without a unit OME takes lengths for micrometers.
        assert (file.ome_metadata.count('Unit="pixel"'), file.asarray().dtype) == (3, np.uint16)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An image that rises along each axis, and labels, of an odd shape that needs two resolutions."""
    path = tmp_path_factory.mktemp("ome") / "worm.ome.zarr"
    image = np.add.outer(np.add.outer(np.arange(7), np.arange(33)), np.arange(91)).astype(np.float32)
    labels = np.arange(image.size, dtype=np.uint32).reshape(image.shape)
    write_ome_zarr(path, image, {"instances": labels, "truth": labels + 1}, SPACE, {"made_from": {"a": 1}})
    return path, image, labels


def test_every_voxel_lies_where_its_transformation_says(exported):
    """A coarse voxel of the image, which is linear, has the value of the place it lies at; one of labels, the label."""
    path, image, labels = exported
    for name, source in (("", image), ("labels/instances", labels)):
        group = zarr.open_group(store(path), mode="r", path=name)
        (described,) = group.attrs["multiscales"]
        assert [axis["name"] for axis in described["axes"]] == ["z", "y", "x"]
        assert ({axis["unit"] for axis in described["axes"]}, len(described["datasets"])) == ({"micrometer"}, 2)
        for dataset in described["datasets"]:
            scale, translation = (np.array(t[t["type"]]) for t in dataset["coordinateTransformations"])
            array = group[dataset["path"]][...]
            inner = np.array([1, 2, 3])
            voxel = ((inner * scale + translation) - SPACE.offset) / SPACE.voxel_size
            value = voxel.sum() if source is image else labels[tuple(voxel.astype(int))]
            assert array[tuple(inner)] == pytest.approx(value)
        # Only x: its voxels are half as long as those along y.
        assert group["1"].shape == (7, 33, 46)
        assert max(group["1"].shape) <= SMALLEST
    assert zarr.open_group(store(path), mode="r").attrs["made_from"] == {"a": 1}
    assert zarr.open_group(store(path), mode="r")["labels"].attrs["labels"] == ["instances", "truth"]
    about = zarr.open_group(store(path), mode="r")["labels/truth"].attrs["image-label"]
    assert about == {"version": "0.4", "source": {"image": "../../"}}


def test_a_chunk_that_is_missing_is_noticed(exported):
    path, *_ = exported
    assert lacking_chunks(zarr.open_group(store(path), mode="r")) == ""
    (path / "labels/truth/0/0/0/1").unlink()
    assert lacking_chunks(zarr.open_group(store(path), mode="r")) == "1 of 2 chunks of labels/truth/0 are missing"


def test_anisotropic_volumes_become_isotropic_and_planes_stay_planes():
    assert levels((40, 200, 200), (2.18, 1, 1)) == [(1, 1, 1), (1, 2, 2), (2, 4, 4)]
    assert levels((1, 130, 300), (9, 1, 1)) == [(1, 1, 1), (1, 2, 2), (1, 4, 4), (1, 8, 8)]
    assert levels((64, 64, 64), (1, 1, 1)) == [(1, 1, 1)]


@given(st.tuples(*[st.integers(1, 3000)] * 3), st.tuples(*[st.floats(0.01, 10)] * 3))
def test_resolutions_end(shape, size):
    *_, last = levels(shape, size)
    assert max(-(-n // f) for n, f in zip(shape, last, strict=True)) <= SMALLEST


def test_the_metadata_are_those_of_the_specification(exported):
    """Its own JSON schemas, which the package ngff-zarr brings along; of the image also what it only recommends."""
    ngff_zarr = pytest.importorskip("ngff_zarr", reason="pip install 'ngff-zarr[validate]' (docs/handover.md)")
    path, *_ = exported
    for name, model, strict in (("", "image", True), ("labels/truth", "image", True), ("labels/truth", "label", False)):
        metadata = json.loads((path / name / ".zattrs").read_text())
        ngff_zarr.validate(metadata, version="0.4", model=model, strict=strict)
