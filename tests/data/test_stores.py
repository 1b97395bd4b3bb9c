"""Arrays as other programs store them: where they are in a container, their axes, sizes of voxels, chunks."""

import json
import warnings

import h5py
import numpy as np
import pytest
import zarr

from auxcpvloss.config.units import Space
from auxcpvloss.data.sources import hdf
from auxcpvloss.looking.handover.ome_zarr import write_ome_zarr
from auxcpvloss.system.errors import InputError
from tests.data.volumes import blobs, only

RAW, LABELS = blobs((8, 12, 14))


def axes_of(names, units=None):
    kinds = {"t": "time", "c": "channel"}
    return [
        {"name": name, "type": kinds.get(name, "space"), **({"unit": unit} if unit else {})}
        for name, unit in zip(names, units or [None] * len(names), strict=True)
    ]


def multiscales(names="tczyx", scale=(1, 1, 0.5, 0.2, 0.2), units=None, **more):
    """Of two resolutions, the higher one as 0."""
    datasets = [
        {"path": str(n), "coordinateTransformations": [{"type": "scale", "scale": [s * (n + 1) for s in scale]}]}
        for n in range(2)
    ]
    return {"multiscales": [{"version": "0.4", "axes": axes_of(names, units), "datasets": datasets, **more}]}


def write_image(group, array, names="tczyx", **attributes):
    """Two resolutions of a volume, with axes of length 1 before it."""
    array = array.reshape((1,) * (len(names) - 3) + array.shape)
    for number in range(2):
        group.create_dataset(str(number), data=array[..., :: number + 1], chunks=(1,) * (len(names) - 2) + (16, 16))
    group.attrs.update({**multiscales(names, (1, 1, 0.5, 0.2, 0.2)[-len(names) :]), **attributes})


def ome_zarr(folder, names="tczyx", label_images=("nuclei",), image="", **attributes):
    root = zarr.open_group(str(folder / "a.zarr"), "w")
    group = root.require_group(image) if image else root
    write_image(group, RAW, names, **attributes)
    labels = group.create_group("labels")
    labels.attrs["labels"] = list(label_images)
    for number, name in enumerate(label_images):
        write_image(labels.create_group(name), LABELS * (number + 1), names, **attributes)
    return root


def assert_read(source, voxel_size=(0.5, 0.2, 0.2), offset=(0, 0, 0)):
    np.testing.assert_array_equal(source.read_raw(), RAW)
    np.testing.assert_array_equal(source.read_labels(), LABELS)
    assert source.voxel_size() == pytest.approx(voxel_size)
    assert source.offset() == pytest.approx(offset)


# OME-Zarr
@pytest.mark.parametrize("names", ["zyx", "czyx", "tczyx"])
@pytest.mark.parametrize("image", ["", "0"])
@pytest.mark.parametrize("keys", [{}, {"raw_key": "IMAGE", "gt_key": "IMAGE/labels/nuclei"}, {"raw_key": "/IMAGE/0"}])
def test_image_and_labels_of_an_ome_zarr_are_found(tmp_path, names, image, keys):
    ome_zarr(tmp_path, names, image=image)
    assert_read(only(tmp_path, **{key: value.replace("IMAGE", image) for key, value in keys.items()}))


def test_a_lower_resolution_has_its_own_size(tmp_path):
    ome_zarr(tmp_path)
    source = only(tmp_path, raw_key="1", gt_key="labels/nuclei/1")
    np.testing.assert_array_equal(source.read_raw(), RAW[..., ::2])
    assert source.voxel_size() == (1, 0.4, 0.4)


def test_the_highest_resolution_is_read_wherever_it_is_listed(tmp_path):
    root = ome_zarr(tmp_path, "zyx")
    (image,) = root.attrs["multiscales"]
    root.attrs["multiscales"] = [{**image, "datasets": image["datasets"][::-1]}]
    assert_read(only(tmp_path))


def test_of_several_label_images_one_must_be_chosen(tmp_path):
    ome_zarr(tmp_path, label_images=("cells", "nuclei"))
    with pytest.raises(
        InputError, match=r"a\.zarr: several label images: cells, nuclei; set data\.gt_key .*'labels/cells'"
    ):
        only(tmp_path).read_labels()
    np.testing.assert_array_equal(only(tmp_path, gt_key="labels/nuclei").read_labels(), LABELS * 2)


def test_of_several_images_one_must_be_chosen(tmp_path):
    root = ome_zarr(tmp_path, image="0")
    write_image(root.create_group("1"), RAW)
    with pytest.raises(
        InputError, match=r"no array 'volumes/raw' \(data\.raw_key\); .* arrays there: 0/0, 0/1, 0/labels"
    ):
        only(tmp_path).read_raw()
    np.testing.assert_array_equal(only(tmp_path, raw_key="1").read_raw(), RAW)


def test_what_the_stage_export_writes_can_be_read(tmp_path):
    space = Space((2, 0.5, 0.5), (4, 0, 1.5), "micrometer")
    write_ome_zarr(tmp_path / "a.ome.zarr", RAW, {"instances": LABELS + 1, "truth": LABELS}, space, {})
    assert_read(only(tmp_path), (2, 0.5, 0.5), (4, 0, 1.5))


def test_transformations_are_composed(tmp_path):
    root = ome_zarr(tmp_path, "zyx")
    steps = [{"type": "translation", "translation": [1, 2, 3]}, {"type": "scale", "scale": [2, 10, 10]}]
    for group in (root, root["labels/nuclei"]):
        group.attrs["multiscales"] = [{**group.attrs["multiscales"][0], "coordinateTransformations": steps}]
    assert_read(only(tmp_path), (1, 2, 2), (2, 20, 30))


@pytest.mark.parametrize(
    ("units", "size"),
    [
        ((None, None, None), (0.5, 0.2, 0.2)),
        (("nanometer",) * 3, (0.5, 0.2, 0.2)),
        ((None, "micrometer", "micrometer"), (0.5, 0.2, 0.2)),
        (("millimeter", "micrometer", "micrometer"), (500, 0.2, 0.2)),
        (("micrometer", "nanometer", "NM"), (0.5, 0.0002, 0.0002)),
        ((None, "micrometer", "nanometer"), None),
        (("parsec", "micrometer", "micrometer"), None),
    ],
)
def test_units_that_differ_are_converted(tmp_path, units, size):
    ome_zarr(tmp_path, "zyx", **multiscales("zyx", (0.5, 0.2, 0.2), units))
    assert only(tmp_path).voxel_size() == (None if size is None else pytest.approx(size))
    np.testing.assert_array_equal(only(tmp_path).read_raw(), RAW)


def test_metadata_that_are_odd_are_named(tmp_path):
    for odd in ({"multiscales": [7]}, {"multiscales": [{"datasets": [{}]}]}, {"labels": 3, "multiscales": 1}):
        ome_zarr(tmp_path, "zyx", **odd)
        with pytest.raises(InputError, match=r"a\.zarr"):
            only(tmp_path).voxel_size()


def test_metadata_that_lead_outside_are_refused(tmp_path):
    (tmp_path / "data").mkdir()
    zarr.open_group(str(tmp_path / "secret.zarr"), "w").create_dataset("0", data=RAW)
    for path in ("../../secret.zarr/0", str(tmp_path / "secret.zarr" / "0")):
        zarr.open_group(str(tmp_path / "data" / "a.zarr"), "w").attrs["multiscales"] = [{"datasets": [{"path": path}]}]
        with pytest.raises(InputError, match="leads outside"):
            only(tmp_path / "data").read_raw()
    (tmp_path / "data" / "a.zarr" / "x").symlink_to(tmp_path / "secret.zarr")
    for key in ("x/0", "../../secret.zarr/0"):
        with pytest.raises(InputError, match=r"a\.zarr: .*leads out of the folder"):
            only(tmp_path / "data", raw_key=key).read_raw()


# Keys
@pytest.mark.parametrize("key", ["volumes/raw", "", ".", "/"])
def test_an_array_at_the_root(tmp_path, key):
    zarr.save_array(str(tmp_path / "a.zarr"), RAW)
    np.testing.assert_array_equal(only(tmp_path, raw_key=key).read_raw(), RAW)
    with pytest.raises(InputError, match=r"no array 'x'.*arrays there: the container itself"):
        only(tmp_path, raw_key="x").read_raw()


def test_of_many_arrays_some_are_listed(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(100):
            file[f"t{number:02}"] = RAW
    with pytest.raises(InputError, match=r"arrays there: t00, t01, .*, t19 and 80 more$"):
        only(tmp_path).read_raw()


# N5
def n5(folder, key="volumes/raw", array=RAW, **attributes):
    place = folder / "a.n5" / key
    place.mkdir(parents=True)
    metadata = {"dimensions": array.shape[::-1], "blockSize": array.shape[::-1], "dataType": str(array.dtype)}
    (place / "attributes.json").write_text(json.dumps(metadata | {"compression": {"type": "raw"}} | attributes))
    block = place / "0" / "0" / "0"
    block.parent.mkdir(parents=True)
    header = np.array([0, 3], ">u2").tobytes() + np.array(array.shape[::-1], ">u4").tobytes()
    block.write_bytes(header + array.astype(array.dtype.newbyteorder(">")).tobytes())


@pytest.mark.parametrize(
    "attributes",
    [
        {"pixelResolution": [0.2, 0.3, 2]},
        {"pixelResolution": {"unit": "um", "dimensions": [0.2, 0.3, 2]}},
        {"resolution": [0.2, 0.3, 2]},
        {"voxel_size": [0.2, 0.3, 2]},
        {"resolution": [0.2, 0.3, 0.002], "units": ["um", "um", "mm"]},
        {"element_size_um": [2, 0.3, 0.2]},
    ],
)
def test_sizes_of_voxels_in_n5(tmp_path, attributes):
    n5(tmp_path, **attributes)
    assert only(tmp_path).voxel_size() == pytest.approx((2, 0.3, 0.2))


@pytest.mark.parametrize(
    ("key", "size"), [("setup0", (2, 0.3, 0.2)), ("setup0/s0", (2, 0.3, 0.2)), ("setup0/s1", (2, 0.6, 0.8))]
)
def test_resolutions_of_n5(tmp_path, key, size):
    for level, factors in (("s0", [1, 1, 1]), ("s1", [4, 2, 1])):
        n5(tmp_path, f"setup0/{level}", downsamplingFactors=factors)
    (tmp_path / "a.n5" / "setup0" / "attributes.json").write_text('{"pixelResolution": [0.2, 0.3, 2]}')
    source = only(tmp_path, raw_key=key)
    np.testing.assert_array_equal(source.read_raw(), RAW)
    assert source.voxel_size() == pytest.approx(size)


# HDF5
def test_a_channel_of_length_1_and_the_size_of_ilastik_and_plantseg(tmp_path):
    for shape, names in (((*RAW.shape, 1), "zyxc"), ((1, 1, *RAW.shape), "")):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            for key, array in (("exported_data", RAW), ("labels", LABELS)):
                file[key] = array.reshape(shape)
                file[key].attrs["element_size_um"] = [0.5, 0.2, 0.2]
                if names:
                    tags = [{"key": name, "typeFlags": 2, "resolution": 0} for name in names]
                    file[key].attrs["axistags"] = json.dumps({"axes": tags})
        assert_read(only(tmp_path, raw_key="exported_data", gt_key="/labels"))


def test_axes_are_put_in_order_by_their_names(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["volumes/raw"] = RAW.transpose(2, 1, 0)
        for axis, name in zip(file["volumes/raw"].dims, "xyz", strict=True):
            axis.label = name
        file["volumes/raw"].attrs["resolution"] = [0.2, 0.3, 2]
        file["volumes/gt_labels"] = LABELS[None].repeat(2, 0)
        file["volumes/gt_labels"].attrs["axes"] = ["c", "z", "y", "x"]
    assert_read(only(tmp_path, channel=1), (2, 0.3, 0.2))


def test_the_pixel_resolution_begins_with_x_in_hdf_too(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["volumes/raw"] = RAW
        file["volumes/raw"].attrs["pixelResolution"] = [0.2, 0.3, 2]
    assert only(tmp_path).voxel_size() == (2, 0.3, 0.2)


def test_a_large_array_of_hdf_is_read_in_pieces(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("volumes/raw", data=RAW[None].repeat(2, 0), chunks=(1, 3, 5, 5))
    expected = RAW
    for limit in (1, 4, 10, 1000):
        monkeypatch.setattr(hdf, "AT_ONCE", limit)
        np.testing.assert_array_equal(only(tmp_path, axes="CZYX", channel=1).read_raw(), expected)


def test_a_plugin_of_hdf_is_named_with_the_remedy(tmp_path):
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk(RAW.shape)
    made.set_filter(32026, h5py.h5z.FLAG_OPTIONAL, ())
    with h5py.File(tmp_path / "a.h5", "w") as file:
        space = h5py.h5s.create_simple(RAW.shape)
        h5py.h5d.create(file.create_group("volumes").id, b"raw", h5py.h5t.NATIVE_UINT8, space, made)
    with pytest.raises(InputError, match=r"a\.h5: volumes/raw: .* Blosc2 \(32026\).*again with gzip: h5repack"):
        only(tmp_path).read_raw()


def test_links_in_hdf_are_followed_within_the_file_only(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x/y"] = RAW
        file["volumes/raw"] = h5py.SoftLink("/x/y")
        file["volumes/gt_labels"] = h5py.ExternalLink("nowhere.h5", "x/y")
        file["circle"] = h5py.SoftLink("/circle")
    source = only(tmp_path)
    np.testing.assert_array_equal(source.read_raw(), RAW)
    with pytest.raises(InputError, match=r"a\.h5: volumes/gt_labels: refers to another file"):
        source.read_labels()
    with pytest.raises(InputError, match="no array 'circle'"):
        only(tmp_path, raw_key="circle").read_raw()


# Chunks that are not stored
def chunked(folder, kind, chunks=(4, 6, 7), **options):
    """A volume in chunks; gives the folders of its image and labels."""
    path = str(folder / f"a.{kind}")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The N5Store is deprecated")
        root = zarr.open_group(zarr.N5Store(path) if kind == "n5" else path, "w")
    for key, array in (("raw", RAW), ("gt_labels", LABELS)):
        root.create_dataset(f"volumes/{key}", data=array, chunks=chunks, **options)
    return folder / f"a.{kind}" / "volumes" / "raw", folder / f"a.{kind}" / "volumes" / "gt_labels"


@pytest.mark.parametrize(("kind", "file"), [("zarr", "1.0.1"), ("n5", "1/0/1")])
def test_an_image_that_lacks_a_chunk_is_refused_unless_that_is_said(tmp_path, kind, file):
    raw, _ = chunked(tmp_path, kind)
    (raw / file).unlink()
    with pytest.raises(
        InputError, match=rf"a\.{kind}: volumes/raw: 1 of 8 chunks are not stored, the first at \[1, 0, 1\]"
    ) as caught:
        only(tmp_path).read_raw()
    assert "data.fill_chunks = true" in str(caught.value)
    source, expected = only(tmp_path, fill_chunks=True), RAW.copy()
    expected[4:, :6, 7:] = 0
    np.testing.assert_array_equal(source.read_raw(), expected)
    assert "they were taken for background" in source.remarks()[0]


def test_labels_without_chunks_of_background_are_read(tmp_path):
    labels = np.zeros((32, 32, 32), np.uint16)
    labels[4:13, 10:15, 10:15], labels[3:6, 4:7, 4:7] = 5, 6
    root = zarr.open_group(str(tmp_path / "a.zarr"), "w")
    root["volumes/raw"] = labels + np.arange(32, dtype=np.uint16)
    root.create_dataset("volumes/gt_labels", data=labels, chunks=(8, 8, 8), write_empty_chunks=False)
    source = only(tmp_path)
    np.testing.assert_array_equal(source.read_labels(), labels)
    (remark,) = source.remarks()
    assert "a.zarr: volumes/gt_labels: 61 of 64 chunks are not stored" in remark
    # One more, with a part of the larger one.
    (tmp_path / "a.zarr/volumes/gt_labels/1.1.1").unlink()
    with pytest.raises(InputError, match=r"62 of 64 chunks .*label 5 ends abruptly at one of them.*data\.fill_chunks"):
        source.read_labels()


def test_labels_that_lack_a_chunk_where_empty_ones_are_stored_are_refused(tmp_path):
    _, labels = chunked(tmp_path, "zarr", (2, 4, 5), write_empty_chunks=True)
    only(tmp_path).read_labels()
    empty = next(
        place
        for place in np.ndindex(4, 3, 3)
        if not LABELS[tuple(slice(n * size, (n + 1) * size) for n, size in zip(place, (2, 4, 5), strict=True))].any()
    )
    (labels / ".".join(map(str, empty))).unlink()
    with pytest.raises(InputError, match=r"1 of 36 chunks .*others that hold only zeros are"):
        only(tmp_path).read_labels()


def test_labels_without_any_chunk_or_background_are_refused(tmp_path):
    _, labels = chunked(tmp_path, "zarr", fill_value=7)
    (labels / "0.0.0").unlink()
    with pytest.raises(InputError, match="the fill value 7 is no background"):
        only(tmp_path).read_labels()
    _, labels = chunked(tmp_path, "zarr", fill_value=None)
    (labels / "0.0.0").unlink()
    with pytest.raises(InputError, match="no fill value is recorded"):
        only(tmp_path, fill_chunks=True).read_labels()
    for file in labels.glob("*.*.*"):
        file.unlink()
    chunked(tmp_path, "zarr")
    for file in labels.glob("*.*.*"):
        file.unlink()
    with pytest.raises(InputError, match=r"8 of 8 chunks .*these are all"):
        only(tmp_path).read_labels()


@pytest.mark.parametrize("chunks", [(4, 6, 7), None])
def test_hdf_that_was_not_written_is_refused(tmp_path, chunks):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        array = file.create_dataset("volumes/raw", RAW.shape, RAW.dtype, chunks=chunks)
        if chunks:
            array[:4] = RAW[:4]
    with pytest.raises(InputError, match=f"volumes/raw: {'4 of 8' if chunks else '1 of 1'} chunks are not stored"):
        only(tmp_path).read_raw()


@pytest.mark.parametrize("kind", ["zarr", "n5"])
def test_chunks_that_are_links_are_refused(tmp_path, kind):
    raw, _ = chunked(tmp_path, kind)
    file = next(file for file in raw.rglob("*") if file.name[-1:] == "0" and file.is_file())
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"volumes/raw: chunk .* is a link or no file"):
        only(tmp_path).read_raw()


# Voxel sizes and arrays that are not as expected.
def plantseg(folder, raw, labels):
    with h5py.File(folder / "a.h5", "w") as file:
        file["volumes/raw"], file["volumes/gt_labels"] = RAW, LABELS
        file["volumes/raw"].attrs["element_size_um"] = raw
        file["volumes/gt_labels"].attrs["element_size_um"] = labels
    return only(folder)


def test_a_size_that_was_rounded_is_the_same(tmp_path):
    exact = np.array([0.5, 0.1625, 0.1625])
    assert plantseg(tmp_path, exact, exact.astype(np.float32)).voxel_size() == pytest.approx(tuple(exact))
    with pytest.raises(InputError, match="differ; image and labels must cover the same voxels"):
        plantseg(tmp_path, exact, exact * 1.001).voxel_size()


def test_a_size_of_0_is_none(tmp_path):
    source = plantseg(tmp_path, [0.0, 0, 0], [0.0, 0, 0])
    assert source.voxel_size() is None
    np.testing.assert_array_equal(source.read_raw(), RAW)


def test_the_size_of_an_image_that_is_not_found_is_not_asked_for(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["number"] = RAW, 3
    with pytest.raises(InputError, match=r"no array 'volumes/raw' \(data.raw_key\); .* arrays there: number, x"):
        only(tmp_path).voxel_size()
    with pytest.raises(InputError, match=r"a\.h5: number: a single value"):
        only(tmp_path, raw_key="number").read_raw()


def test_labels_of_another_name_are_pointed_out(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"], file["seg"] = RAW, LABELS
    (remark,) = only(tmp_path, raw_key="raw", gt_key="labels").remarks()
    assert "a.h5: no array 'labels' (data.gt_key): unlabelled; arrays there: raw, seg" in remark
    assert only(tmp_path, raw_key="raw", gt_key="seg").remarks() == []
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file["seg"]
    assert only(tmp_path, raw_key="raw", gt_key="labels").remarks() == []
