import gzip
import json
import os
import pickle
import re
import shutil
import struct
import warnings
import zipfile
from contextlib import contextmanager

import h5py
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from auxcpvloss.data.sources.find import SPLITS, find_sources
from auxcpvloss.system.errors import InputError
from tests.data.l1_zip import make_l1_zip
from tests.data.volumes import DEFAULT, REAL, blobs, configured, make_folder, only, write_tiff

EVERYTHING = {"a": 0.6, "b": 0.2, "c": 0.2}


def names(found):
    return {split: [source.name for source in sources] for split, sources in found.items()}


def fails(*needles, splits=SPLITS, **changes):
    """Find sources; the message must name all needles."""
    with pytest.raises(InputError) as caught:
        find_sources(configured(**changes), splits)
    for needle in needles:
        assert str(needle) in str(caught.value)


def assert_holds(source, raw, labels):
    np.testing.assert_array_equal(source.read_raw(), raw)
    np.testing.assert_array_equal(source.read_labels(), labels)
    assert source.has_labels


# The published zip
@pytest.mark.parametrize("top", ["c_elegans_nuclei", "another name", ""])
def test_the_published_zip_is_read_where_it_is(tmp_path, top):
    path = tmp_path / "c_elegans_nuclei.zip"
    volumes = make_l1_zip(path, top=top)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{top}/train/images/._hidden.tif".lstrip("/"), b"junk")
        archive.writestr("__MACOSX/train/images/junk.tif", b"junk")
    found = find_sources(configured(path=path))
    assert names(found) == {split: sorted(there) for split, there in volumes.items()}
    assert [len(sources) for sources in found.values()] == [2, 1, 1]
    for split, sources in found.items():
        for source in sources:
            assert_holds(source, *volumes[split][source.name])
            assert (source.read_raw().dtype, source.read_labels().dtype) == (np.uint8, np.uint32)
            assert source.voxel_size() is None
            assert source.origin.startswith(f"{path}!")
            assert source.origin.endswith(f"{split}/images/{source.name}.tif")
    assert list(tmp_path.iterdir()) == [path]


def test_a_zip_for_one_split_gives_that_split(tmp_path):
    volumes = make_l1_zip(tmp_path / "l1.zip")
    found = find_sources(configured(val_data=tmp_path / "l1.zip"))
    assert names(found) == {"train": [], "val": list(volumes["val"]), "test": []}


@pytest.mark.parametrize("prefix", ["", "mine/", "./mine/"])
def test_a_zip_without_splits_is_split_by_fraction(tmp_path, prefix):
    make_folder(tmp_path / "flat", EVERYTHING)
    with zipfile.ZipFile(tmp_path / "flat.zip", "w") as archive:
        for file in sorted((tmp_path / "flat").rglob("*.tif")):
            archive.writestr(f"{prefix}{file.relative_to(tmp_path / 'flat')}", file.read_bytes())
    zipped, plain = (find_sources(configured(path=tmp_path / name)) for name in ("flat.zip", "flat"))
    assert (names(zipped), [len(there) for there in zipped.values()]) == (names(plain), [1, 1, 1])
    np.testing.assert_array_equal(zipped["train"][0].read_raw(), plain["train"][0].read_raw())


@pytest.mark.parametrize("part", [0, 0.3, 0.9, 0.999])
def test_a_zip_that_was_cut_off_is_named(tmp_path, part):
    path = tmp_path / "l1.zip"
    make_l1_zip(path)
    os.truncate(path, int(part * path.stat().st_size))
    fails(path, "download it again", path=path)


def test_a_damaged_member_is_named(tmp_path):
    path = tmp_path / "l1.zip"
    make_l1_zip(path)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("c_elegans_nuclei/val/masks/C18G1_2L1_3.tif")
    content = bytearray(path.read_bytes())
    content[info.header_offset + 200] ^= 255
    path.write_bytes(content)
    source = find_sources(configured(path=path))["val"][0]
    source.read_raw()
    with pytest.raises(InputError, match=re.escape(f"{path}!{info.filename}: cannot be read")):
        source.read_labels()
    with pytest.raises(InputError, match=re.escape(info.filename)):
        source.checksum()


UNSAFE = ("../train/images/x.tif", "/train/images/x.tif", "a/../../x.tif", "c:/train/x.tif", "a\\..\\x.tif")


@pytest.mark.parametrize(
    ("member", "content", "needles"),
    [
        *((name, b"", [name, "unsafe path"]) for name in UNSAFE),
        ("train/images/x.tif", bytes(70 * 2**20), ["train/images/x.tif", "73,400,320 bytes"]),
        ("other/train/images/x.tif", b"", ["c_elegans_nuclei, other"]),
    ],
    ids=range(7),
)
def test_what_must_not_be_in_a_zip_is_refused(tmp_path, member, content, needles):
    path = tmp_path / "l1.zip"
    make_l1_zip(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
    fails(path, *needles, path=path)


def test_a_zip_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("holiday/beach.jpg", b"")
    fails(tmp_path / "x.zip", "holiday/beach.jpg", "train/", path=tmp_path / "x.zip")


# Folders of TIFF files
def test_folders_of_splits(tmp_path):
    made = {split: make_folder(tmp_path / split, [f"{split}_2", f"{split}_1"]) for split in SPLITS}
    (tmp_path / "train" / "images" / "._train_1.tif").write_bytes(b"junk")
    (tmp_path / "train" / "images" / "notes.txt").write_text("junk")
    found = find_sources(configured(path=tmp_path))
    assert names(found) == {split: [f"{split}_1", f"{split}_2"] for split in SPLITS}
    for split, sources in found.items():
        for source in sources:
            assert_holds(source, *made[split][source.name])
            assert source.origin == str(tmp_path / split / "images" / f"{source.name}.tif")


def test_suffixes_of_image_and_mask_may_differ(tmp_path):
    raw, labels = blobs()
    write_tiff(tmp_path / "images" / "a.b.TIF", raw)
    write_tiff(tmp_path / "masks" / "a.b.tiff", labels)
    source = only(tmp_path)
    assert source.name == "a.b"
    assert_holds(source, raw, labels)


def test_the_folders_can_have_other_names(tmp_path):
    make_folder(tmp_path, "a")
    (tmp_path / "images").rename(tmp_path / "raw")
    (tmp_path / "masks").rename(tmp_path / "ground truth")
    assert only(tmp_path, images="raw", masks="ground truth").has_labels


def test_a_missing_split_is_empty(tmp_path):
    make_folder(tmp_path / "train", "ab")
    assert names(find_sources(configured(path=tmp_path))) == {"train": ["a", "b"], "val": [], "test": []}
    assert names(find_sources(configured())) == {"train": [], "val": [], "test": []}


def test_the_place_of_a_split_goes_before_the_path(tmp_path):
    for split in SPLITS:
        make_folder(tmp_path / "all" / split, [f"{split}_of_all"])
    make_folder(tmp_path / "mine", ["mine"])
    found = find_sources(configured(path=tmp_path / "all", val_data=tmp_path / "mine"))
    assert names(found) == {"train": ["train_of_all"], "val": ["mine"], "test": ["test_of_all"]}


def test_only_the_wanted_splits_are_looked_at(tmp_path):
    make_folder(tmp_path / "test", "a")
    data = configured(path=tmp_path, train_data="/does/not/exist")
    assert names(find_sources(data, ["val", "test"])) == {"val": [], "test": ["a"]}
    with pytest.raises(InputError, match=r"data\.train_data: /does/not/exist"):
        find_sources(data)


def test_a_test_volume_needs_no_mask(tmp_path):
    make_folder(tmp_path, "a", masks=False)
    source = only(tmp_path)
    assert not source.has_labels
    assert source.read_labels() is None


@pytest.mark.parametrize("split", ["train", "val"])
def test_other_volumes_need_labels(tmp_path, split):
    make_folder(tmp_path / split, "a", masks=False)
    fails(tmp_path / split / "images" / "a.tif", "no labels", "masks/", path=tmp_path)


@pytest.mark.parametrize(("left", "gone", "said"), [("images", "masks", "no mask"), ("masks", "images", "no image")])
def test_an_image_or_mask_that_is_alone_is_named(tmp_path, left, gone, said):
    make_folder(tmp_path / "train", "ab")
    (tmp_path / "train" / gone / "b.tif").unlink()
    fails(tmp_path / "train" / left / "b.tif", said, path=tmp_path)


def test_two_files_of_one_name_are_named(tmp_path):
    make_folder(tmp_path / "train", "a")
    shutil.copy(tmp_path / "train" / "images" / "a.tif", tmp_path / "train" / "images" / "a.tiff")
    fails("a.tif and", "a.tiff", "same name", path=tmp_path)


@pytest.mark.parametrize("key", ["path", "train_data", "val_data", "test_data"])
def test_a_missing_place_is_named(tmp_path, key):
    fails(f"data.{key}: {tmp_path}/nowhere", "no such", "train/", "images/", **{key: tmp_path / "nowhere"})


@pytest.mark.parametrize("path", ["C:\\Users\\me", "C:\temp\nuclei"])
def test_a_path_of_windows_that_does_not_exist_gets_advice(path):
    fails("data.path", "in single quotes: 'C:\\data'", path=path)


def test_empty_places_are_named(tmp_path):
    fails(tmp_path, "found nothing", "images/", path=tmp_path)
    (tmp_path / "train" / "images").mkdir(parents=True)
    fails(tmp_path / "train" / "images", "no .tif file", path=tmp_path)


def test_a_folder_of_something_else_is_named(tmp_path):
    (tmp_path / "beach.jpg").touch()
    fails(tmp_path, "beach.jpg", "images/", ".n5", path=tmp_path)
    fails("data.path", tmp_path / "beach.jpg", "is not a folder", "zip", path=tmp_path / "beach.jpg")
    write_tiff(tmp_path / "a.tif", np.zeros((2, 3, 4), np.uint8))
    fails(tmp_path, f"Move the TIFF files into {tmp_path / 'images'}", path=tmp_path)


def test_a_folder_of_two_formats_asks_for_one(tmp_path):
    make_folder(tmp_path, "a")
    write_arrays(tmp_path / "b.hdf", *blobs())
    fails(tmp_path, "tif and hdf", "data.input_format", path=tmp_path)
    for input_format, name in (("tif", "a"), ("hdf", "b")):
        assert only(tmp_path, input_format=input_format).name == name


@pytest.mark.parametrize("input_format", ["zarr", "n5", "hdf", "zip"])
def test_the_format_that_was_asked_for_must_be_there(tmp_path, input_format):
    make_folder(tmp_path, "a")
    fails(tmp_path, f"data.input_format = '{input_format}'", path=tmp_path, input_format=input_format)
    fails(tmp_path, f"data.test_format = '{input_format}'", test_data=tmp_path, test_format=input_format)


def test_a_place_for_one_split_must_hold_it(tmp_path):
    make_folder(tmp_path / "train", "a")
    fails(f"data.val_data: {tmp_path}", "val/", val_data=tmp_path)


# Splits by fraction
@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Flat folders of 0..12 volumes. The files are empty: to list volumes is not to read them."""
    made = []
    for count in range(13):
        folder = tmp_path_factory.mktemp("flat")
        for kind in ("images", "masks"):
            (folder / kind).mkdir()
            for i in range(count):
                (folder / kind / f"worm_{i}.tif").touch()
        made.append(folder)
    return made


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.tuples(*[st.integers(0, 10)] * 3).filter(any), st.integers(0, 1000))
def test_a_split_by_fraction_is_a_partition(folders, count, weights, seed):
    fractions = tuple(weight / sum(weights) for weight in weights)
    data = configured(path=folders[count], split=fractions, split_seed=seed)
    found = names(find_sources(data))
    assert sorted(name for there in found.values() for name in there) == sorted(f"worm_{i}" for i in range(count))
    wanted = [split for split, fraction in zip(SPLITS, fractions, strict=True) if fraction]
    # Too few for all: training first, then validation.
    assert all(found[split] for split in wanted[:count])
    for split, fraction in zip(SPLITS, fractions, strict=True):
        assert found[split] == sorted(found[split])
        assert (split in wanted) or not found[split]
        assert abs(len(found[split]) - fraction * count) < 2
        assert names(find_sources(data, [split])) == {split: found[split]}


def test_a_split_depends_on_names_and_seed_only(folders, tmp_path):
    shutil.copytree(folders[12], tmp_path / "elsewhere")
    here, there = (names(find_sources(configured(path=path))) for path in (folders[12], tmp_path / "elsewhere"))
    assert here == there
    # Written down: a draw that changes with a library would mix training with test volumes of older experiments.
    assert here["test"] == ["worm_11", "worm_9"]
    assert names(find_sources(configured(path=folders[12], split_seed=1))) != here


# zarr, n5 and hdf5
@contextmanager
def opened(path, mode):
    if path.suffix == ".zarr":
        yield zarr.open_group(str(path), mode)
    elif path.suffix == ".n5":
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The N5Store is deprecated")
            yield zarr.open_group(zarr.N5Store(str(path)), mode)
    else:
        with h5py.File(path, mode) as file:
            yield file


def write_arrays(path, raw, labels=None, raw_key="volumes/raw", gt_key="volumes/gt_labels", **attributes):
    """Attributes of n5 are in the order of the axes in the file, x, y, z."""
    if path.suffix == ".n5":
        attributes = {name: value[::-1] for name, value in attributes.items()}
    with opened(path, "w") as root:
        for key, array in ((raw_key, raw), (gt_key, labels)):
            if array is not None:
                root.create_dataset(key, data=array).attrs.update(attributes)
    return path


KINDS = pytest.mark.parametrize("kind", ["zarr", "n5", "hdf", "h5", "hdf5"])


@KINDS
@pytest.mark.parametrize(
    ("change", "attributes", "size", "offset"),
    [
        (lambda array: array, {"resolution": (2, 0.5, 0.5), "offset": (10, 0, 5)}, (2, 0.5, 0.5), (10, 0, 5)),
        (lambda array: array[None], {}, None, (0, 0, 0)),
        # An array of two axes is a volume of one plane.
        (lambda array: array[10], {"resolution": (0.5, 0.25), "offset": (3, 4)}, (0.5, 0.5, 0.25), (0, 3, 4)),
    ],
)
def test_arrays(tmp_path, kind, change, attributes, size, offset):
    raw, labels = map(change, blobs())
    write_arrays(tmp_path / f"a.{kind}", raw, labels, raw_key="x", gt_key="y/gt_instances", **attributes)
    source = only(tmp_path, raw_key="x", gt_key="y/gt_instances")
    shape = (1, *raw.shape)[-3:]
    assert_holds(source, raw.reshape(shape), labels.reshape(shape))
    assert (source.name, source.voxel_size(), source.offset()) == ("a", size, offset)


@KINDS
def test_arrays_of_other_keys_are_listed(tmp_path, kind):
    path = write_arrays(tmp_path / f"a.{kind}", blobs()[0], raw_key="x/y")
    with pytest.raises(InputError) as caught:
        only(tmp_path).read_raw()
    for needle in (str(path), "'volumes/raw'", "data.raw_key", "x/y"):
        assert needle in str(caught.value)


@KINDS
def test_arrays_without_labels(tmp_path, kind):
    path = write_arrays(tmp_path / f"a.{kind}", blobs()[0])
    assert only(tmp_path).read_labels() is None
    fails(path, "no labels", "volumes/gt_labels", "data.gt_key", train_data=tmp_path)


@KINDS
@pytest.mark.parametrize("shape", [(7,), (2, 5, 6, 7), (2, 1, 5, 6, 7)])
def test_arrays_of_other_dimensions_are_refused(tmp_path, kind, shape):
    path = write_arrays(tmp_path / f"a.{kind}", np.zeros(shape, np.uint8))
    with pytest.raises(InputError, match=f"{len(shape)} axes") as caught:
        only(tmp_path).read_raw()
    assert f"{path}: volumes/raw" in str(caught.value)
    assert " x ".join(map(str, shape)) in str(caught.value)


@KINDS
def test_image_and_labels_must_lie_at_the_same_place(tmp_path, kind):
    path = write_arrays(tmp_path / f"a.{kind}", *blobs(), offset=(0, 0, 0))
    with opened(path, "r+") as root:
        root["volumes/gt_labels"].attrs["offset"] = (0, 0, 8)
    with pytest.raises(InputError, match=r"offset: .*volumes/raw.*volumes/gt_labels") as caught:
        only(tmp_path).offset()
    assert str(path) in str(caught.value)


@KINDS
@pytest.mark.parametrize("resolution", [(1, 1), (1, 1, 0), (1, -1, 1), "abc", (1, 1, float("nan"))])
def test_an_odd_resolution_is_named(tmp_path, kind, resolution):
    path = write_arrays(tmp_path / f"a.{kind}", blobs()[0], resolution=resolution)
    with pytest.raises(InputError) as caught:
        only(tmp_path).voxel_size()
    assert str(path) in str(caught.value)
    assert "resolution" in str(caught.value)


def test_a_damaged_hdf_is_named(tmp_path):
    path = write_arrays(tmp_path / "a.hdf", *blobs())
    os.truncate(path, 2000)
    for use in (lambda source: source.read_raw(), lambda source: source.has_labels):
        with pytest.raises(InputError, match=re.escape(str(path))):
            use(only(tmp_path))


def test_a_damaged_zarr_is_named(tmp_path):
    path = write_arrays(tmp_path / "a.zarr", *blobs())
    (path / "volumes" / "raw" / "0.0.0").write_bytes(b"not a chunk")
    with pytest.raises(InputError, match=re.escape(f"{path}: volumes/raw: cannot be read")):
        only(tmp_path).read_raw()


def write_n5_by_hand(path, array, block, compression="raw", **attributes):
    """As the specification of N5 has it: x first in the header and in the paths, x fastest in a block, big endian."""
    path.mkdir(parents=True)
    metadata = {
        "dimensions": array.shape[::-1],
        "blockSize": block[::-1],
        "dataType": array.dtype.name,
        "compression": {"type": compression, "level": -1},
    }
    (path / "attributes.json").write_text(json.dumps(metadata | attributes))
    for place in np.ndindex(*(-(-size // step) for size, step in zip(array.shape, block, strict=True))):
        window = tuple(slice(i * step, (i + 1) * step) for i, step in zip(place, block, strict=True))
        part = array[window]
        file = path.joinpath(*map(str, place[::-1]))
        file.parent.mkdir(parents=True, exist_ok=True)
        voxels = part.astype(part.dtype.newbyteorder(">")).tobytes()
        voxels = gzip.compress(voxels) if compression == "gzip" else voxels
        file.write_bytes(struct.pack(">HHIII", 0, 3, *part.shape[::-1]) + voxels)


@pytest.mark.parametrize("compression", ["raw", "gzip"])
def test_an_n5_of_another_program(tmp_path, compression):
    raw, labels = blobs((7, 9, 11), dtype="uint16")
    for key, array in {"volumes/raw": raw, "volumes/gt_labels": labels}.items():
        write_n5_by_hand(tmp_path / "a.n5" / key, array, (4, 5, 6), compression, resolution=[0.25, 0.5, 2], offset=[5, 0, 10])  # fmt: skip
    (tmp_path / "a.n5" / "attributes.json").write_text('{"n5": "2.5.1"}')
    for input_format in ("auto", "n5"):
        source = only(tmp_path, input_format=input_format)
        assert_holds(source, raw, labels)
        assert (source.voxel_size(), source.offset()) == ((2, 0.5, 0.25), (10, 0, 5))


@pytest.mark.parametrize("size", [0, 3, 10, 16, 17, 18, -1, -2])
def test_a_block_of_n5_that_was_cut_off_is_named(tmp_path, size):
    write_n5_by_hand(tmp_path / "a.n5" / "volumes" / "raw", blobs((7, 9, 11), dtype="uint16")[0], (4, 5, 6))
    block = tmp_path / "a.n5" / "volumes" / "raw" / "1" / "0" / "0"
    block.write_bytes(block.read_bytes()[:size])
    with pytest.raises(InputError, match=re.escape(f"{tmp_path}/a.n5: volumes/raw: cannot be read")):
        only(tmp_path).read_raw()


@pytest.mark.parametrize("content", ["", "{", "7", '{"dimensions": [11, 9, 7]}'])
def test_damaged_attributes_of_n5_are_named(tmp_path, content):
    write_n5_by_hand(tmp_path / "a.n5" / "volumes" / "raw", blobs((7, 9, 11))[0], (4, 5, 6))
    (tmp_path / "a.n5" / "volumes" / "raw" / "attributes.json").write_text(content)
    with pytest.raises(InputError, match=re.escape(f"{tmp_path}/a.n5")):
        only(tmp_path).read_raw()


# Voxel sizes of TIFF files
IMAGEJ = {"imagej": True, "resolution": (4, 2)}  # voxels per unit along x, y


OME = {"ome": True}
UNITS = {"PhysicalSizeXUnit": "mm", "PhysicalSizeYUnit": "mm"}
SIZES = {f"PhysicalSize{axis}": size for axis, size in (("Z", 2), ("Y", 0.5), ("X", 0.25))}


@pytest.mark.parametrize(
    ("plane", "options", "size"),
    [
        (None, {}, None),
        (None, {"metadata": None}, None),
        (None, {"resolution": (4, 2)}, None),
        (None, {"metadata": {"axes": "ZYX", "spacing_zyx": [2.18, 1, 1]}}, (2.18, 1, 1)),
        (None, {"metadata": {"axes": "ZYX", "spacing_zyx": [0, 1, 1]}}, None),
        (None, {"imagej": True, "metadata": {"axes": "ZYX"}}, None),
        (None, IMAGEJ | {"metadata": {"axes": "ZYX", "spacing": 2.5, "unit": "um"}}, (2.5, 0.5, 0.25)),
        (None, IMAGEJ | {"metadata": {"axes": "ZYX", "unit": "um"}}, (1, 0.5, 0.25)),
        (None, IMAGEJ | {"metadata": {"axes": "ZYX", "spacing": 2.5, "unit": "um", "zunit": "mm"}}, None),
        (None, OME | {"metadata": {"axes": "ZYX"}}, None),
        (None, OME | {"metadata": SIZES | {"axes": "ZYX"}}, (2, 0.5, 0.25)),
        # A unit that is left out is the micrometer; in other cases sizes are as recorded.
        (None, OME | {"metadata": SIZES | {"axes": "ZYX"} | UNITS | {"PhysicalSizeZUnit": "mm"}}, (2, 0.5, 0.25)),
        (None, OME | {"metadata": SIZES | {"axes": "ZYX", "PhysicalSizeZUnit": "nm"}}, (0.002, 0.5, 0.25)),
        (None, OME | {"metadata": SIZES | {"axes": "ZYX", "PhysicalSizeZUnit": "\u00b5m"}}, (2, 0.5, 0.25)),
        (None, OME | {"metadata": SIZES | {"axes": "ZYX", "PhysicalSizeZUnit": "pixel"}}, None),
        (None, OME | {"metadata": SIZES | {"axes": "ZYX", "PhysicalSizeZUnit": "mm"}}, (2000, 0.5, 0.25)),
        # Of a plane, where nothing is recorded along z it is what it is along y, so that planes of all formats are alike.
        (10, {}, None),
        (10, IMAGEJ | {"metadata": {"unit": "um"}}, (0.5, 0.5, 0.25)),
        (10, IMAGEJ | {"metadata": {"unit": "um", "spacing": 2}}, (2, 0.5, 0.25)),
        (10, OME | {"metadata": {"PhysicalSizeY": 0.5, "PhysicalSizeX": 0.25}}, (0.5, 0.5, 0.25)),
        (10, OME | {"metadata": {"PhysicalSizeY": 1, "PhysicalSizeYUnit": "mm", "PhysicalSizeX": 1}}, (1000, 1000, 1)),
        (10, OME | {"metadata": SIZES}, (2, 0.5, 0.25)),
    ],
)
def test_voxel_sizes_recorded_in_tiff_files(tmp_path, plane, options, size):
    raw = blobs()[0] if plane is None else blobs()[0][plane]
    write_tiff(tmp_path / "images" / "a.tif", raw, **options)
    assert only(tmp_path).voxel_size() == (None if size is None else pytest.approx(size))
    assert only(tmp_path).read_raw().shape == (1, *raw.shape)[-3:]


# Centers
def with_centers(folder, text, masks=True):
    make_folder(folder, "a", masks=masks)
    (folder / "centers").mkdir()
    (folder / "centers" / "a.csv").write_text(text)
    return only(folder)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("7.00, 54.00, 72.50, 1\r\n\r\n11, 74, 26, 12", [[7, 54, 72.5, 1], [11, 74, 26, 12]]),
        ("Z (px), y, x\n7, 5.5, 6\n1, 2, 3, 9\n", [[7, 5.5, 6, 0], [1, 2, 3, 9]]),
        ("z,y,x,id\n", np.empty((0, 4))),
    ],
)
def test_centers_beside_an_image(tmp_path, text, rows):
    np.testing.assert_array_equal(with_centers(tmp_path, text).read_centers(), rows)


@pytest.mark.parametrize(
    ("text", "needle", "line"),
    [
        *(
            (f"{header}\n1,2,3,4\n", header, 1)
            for header in ("x,y,z,id", "index,axis-0,axis-1,axis-2", "zyx")
        ),
        *(
            (f"1, 2, 3, 4\n{row}\n", row, 2)
            for row in (
                "1, 2", "1, 2, 3, 4, 5", "1, 2, nan", "1; 2; 3; 4", "1, 2, 3, nan", "1, inf, 3, 4", "1, 2, 3, 0",
                "1, 2, 3, 4.5",
            )
        ),
    ],
)  # fmt: skip
def test_a_line_that_is_no_center_is_named(tmp_path, text, needle, line):
    with pytest.raises(InputError, match=rf"a\.csv, line {line}: .*z, y, x") as caught:
        with_centers(tmp_path, text).read_centers()
    assert needle in str(caught.value)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (
            "z;y;x\n2,36;20,32;20,05\n",
            "semicolons and decimal commas: replace every comma by a point, then every semicolon",
        ),
        ("1;2;3\n", "semicolons: replace every semicolon by a comma"),
        ("sep=;\nz;y;x;id\n2,36;20,32;20,05;1\n", "semicolons and decimal commas"),
        ("2,5\t3,5\t4,5\n", "tabs and decimal commas"),
    ],
)
def test_a_table_of_a_spreadsheet_with_decimal_commas_gets_advice(tmp_path, text, advice):
    with pytest.raises(InputError, match=rf"a\.csv, line 1: .*z, y, x.*{advice}"):
        with_centers(tmp_path, text).read_centers()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_tables_of_editors_on_windows_are_read(tmp_path, encoding):
    source = with_centers(tmp_path, "")
    source.centers.write_bytes("z,y,x\r\n1,2,3\r\n".encode(encoding))
    np.testing.assert_array_equal(source.read_centers(), [[1, 2, 3, 0]])
    source.centers.write_bytes("z (µm),y,x\n1,2,3\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"a\.csv, line 1: not UTF-8"):
        source.read_centers()


@pytest.mark.parametrize("split", ["train", "val"])
def test_points_are_ground_truth(tmp_path, split):
    """Also for one volume beside others with masks."""
    make_folder(tmp_path / split, "ab", masks=split == "val")
    (tmp_path / split / "centers").mkdir()
    for name in "ab":
        (tmp_path / split / "centers" / f"{name}.csv").write_text("1, 2, 3\n")
    (tmp_path / split / "masks" / "b.tif").unlink(missing_ok=True)
    a, b = find_sources(configured(path=tmp_path))[split]
    assert (a.has_labels, a.has_points) == (split == "val", True)
    assert (b.has_labels, b.has_points) == (False, True)


def test_points_in_a_zip(tmp_path):
    make_folder(tmp_path / "mine" / "train", "a", masks=False)
    (tmp_path / "mine" / "train" / "centers").mkdir()
    (tmp_path / "mine" / "train" / "centers" / "a.csv").write_text("1, 2, 3\n")
    archive = shutil.make_archive(str(tmp_path / "x"), "zip", tmp_path / "mine")
    (source,) = find_sources(configured(path=archive))["train"]
    assert source.has_points
    np.testing.assert_array_equal(source.read_centers(), [[1, 2, 3, 0]])


@KINDS
def test_points_beside_arrays(tmp_path, kind):
    write_arrays(tmp_path / f"a.{kind}", blobs()[0])
    write_arrays(tmp_path / f"b.{kind}", blobs()[0])
    (tmp_path / "a.csv").write_text("1, 2, 3\n")
    a, b = find_sources(configured(test_data=tmp_path))["test"]
    assert (a.has_points, b.has_points) == (True, False)
    np.testing.assert_array_equal(a.read_centers(), [[1, 2, 3, 0]])
    before = a.checksum()
    assert before != b.checksum()
    (tmp_path / "a.csv").write_text("1, 2, 4\n")
    assert a.checksum() != before
    fails(tmp_path / f"b.{kind}", "no labels", "b.csv", train_data=tmp_path)


def test_a_table_without_image_is_named(tmp_path):
    make_folder(tmp_path / "test", "a", masks=False)
    (tmp_path / "test" / "centers").mkdir()
    (tmp_path / "test" / "centers" / "a_centers.csv").write_text("1, 2, 3\n")
    fails(tmp_path / "test" / "centers" / "a_centers.csv", "no image", "remove the table", path=tmp_path)


# Checksums, and what all kinds have in common
def test_a_checksum_is_of_the_content(tmp_path):
    make_folder(tmp_path / "here", "a")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    shutil.make_archive(str(tmp_path / "zipped"), "zip", tmp_path / "there")
    checksums = {only(tmp_path / name).checksum() for name in ("here", "there", "zipped.zip")}
    for kind in ("masks", "images"):
        write_tiff(tmp_path / "there" / kind / "a.tif", blobs(seed=7)[0])
        checksums.add(only(tmp_path / "there").checksum())
    (tmp_path / "there" / "centers").mkdir()
    (tmp_path / "there" / "centers" / "a.csv").touch()
    checksums.add(only(tmp_path / "there").checksum())
    assert len(checksums) == 4
    assert all(re.fullmatch("[0-9a-f]{64}", checksum) for checksum in checksums)


@pytest.mark.parametrize("kind", ["zarr", "n5", "hdf"])
def test_a_checksum_of_arrays_is_of_the_content(tmp_path, kind):
    write_arrays(tmp_path / f"a.{kind}", *blobs())
    before = only(tmp_path).checksum()
    assert only(tmp_path).checksum() == before
    write_arrays(tmp_path / f"a.{kind}", blobs()[0], blobs(seed=1)[1])
    assert only(tmp_path).checksum() != before


WORMS = {"kind": "worms", "train": 2, "val": 0, "test": 1, "shape": (40, 40, 60), "nuclei": 5, "seed": 3}
SMALL = DEFAULT["data"]["synthetic"] | WORMS


def test_synthetic_volumes():
    changes = [{}, {"seed": 4}, {"nuclei": 6}, {"shape": (40, 40, 61)}]
    found = [find_sources(configured(input_format="synthetic", synthetic=SMALL | change)) for change in changes]
    assert [len(found[0][split]) for split in SPLITS] == [2, 0, 1]
    source = found[0]["train"][0]
    assert source.read_raw().shape == source.read_labels().shape == (40, 40, 60)
    assert (len(np.unique(source.read_labels())), source.voxel_size()) == (6, (1, 1, 1))
    # Checksums are of the arguments.
    checksums = [source.checksum() for there in found for source in (*there["train"], *there["test"])]
    assert len(set(checksums)) == len(checksums) == 12


def test_a_real_volume_can_be_tested_beside_synthetic_ones(tmp_path):
    make_folder(tmp_path, ["real"])
    found = find_sources(configured(input_format="synthetic", synthetic=SMALL, test_data=tmp_path))
    assert (len(found["train"]), names(found)["test"]) == (2, ["real"])


def test_synthetic_and_a_path_contradict_each_other(tmp_path):
    fails("data.path", tmp_path, "synthetic", path=tmp_path, input_format="synthetic")


def test_sources_travel_to_other_processes(tmp_path):
    make_l1_zip(tmp_path / "l1.zip")
    source = find_sources(configured(path=tmp_path / "l1.zip"))["test"][0]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read_raw(), source.read_raw())


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real volumes are not here: {REAL}")
def test_real_volumes():
    embryo = find_sources(configured(path=REAL / "mouse_embryo"))
    assert names(embryo) == {"train": ["16_cell_stage"], "val": [], "test": ["8_cell_stage"]}
    for split, nuclei in (("train", 16), ("test", 8)):
        (source,) = embryo[split]
        assert (source.read_raw().shape, source.voxel_size()) == ((51, 120, 122), (2.18, 1, 1))
        labels = source.read_labels()
        z, y, x, number = source.read_centers().astype(int).T
        np.testing.assert_array_equal(labels[z, y, x], number)
        assert len(number) == nuclei
    assert only(REAL / "mouse_blastocyst").read_labels() is None
    assert find_sources(configured(path=REAL / "arabidopsis_ovule"))["train"][0].voxel_size() == (0.284, 0.127, 0.127)
