import io
import re
import shutil
import time

import numpy as np
import pytest
import tifffile
import zarr
from skimage.measure import label as connected

from auxcpvloss.data.objects import measure
from auxcpvloss.data.sources.find import find_sources
from auxcpvloss.data.verify import Finding, verify
from auxcpvloss.system.errors import InputError
from tests.data.l1_zip import make_l1_zip
from tests.data.volumes import REAL, blobs, configured, make_folder, preprocessing, write_tiff

RAW, LABELS = blobs()


def verified(folder, split="train", **changes):
    data = configured(**{f"{split}_data": folder}, **changes)
    (source,) = find_sources(data, [split])[split]
    return verify(source, split, data, preprocessing())


def stored(folder, raw=RAW, labels=LABELS, **options):
    write_tiff(folder / "images" / "a.tif", raw, **options)
    if labels is not None:
        write_tiff(folder / "masks" / "a.tif", labels)
    return folder


def refused(folder, name, *needles, split="train", **changes):
    """The message must begin with the path of the file and hold all needles."""
    with pytest.raises(InputError) as caught:
        verified(folder, split, **changes)
    assert str(caught.value).startswith(str(folder / name))
    for needle in needles:
        assert needle in str(caught.value)


def with_labels(*changes, dtype=np.uint32):
    labels = LABELS.astype(dtype)
    for position, number in changes:
        labels[position] = number
    return labels


# What is fine
def test_a_good_volume(tmp_path):
    found = verified(stored(tmp_path), voxel_size=(2, 1, 1))
    assert found == Finding("a", "train", (20, 22, 40), "uint8", (2, 1, 1), len(np.unique(LABELS)) - 1, ())


def test_the_published_zip_is_fine(tmp_path):
    make_l1_zip(tmp_path / "l1.zip")
    data = configured(path=tmp_path / "l1.zip")
    findings = [verify(source, split, data, preprocessing()) for split, there in find_sources(data).items() for source in there]  # fmt: skip
    assert len(findings) == 4
    assert all(finding.warnings == () and finding.nuclei for finding in findings)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "uint32", "int64", "float16", "float32", "float64"])  # fmt: skip
def test_images_of_any_type(tmp_path, dtype):
    assert verified(stored(tmp_path, (RAW // 2).astype(dtype), metadata={"axes": "ZYX"})).dtype == dtype


def test_the_byte_order_of_imagej(tmp_path):
    stored(tmp_path, RAW.astype(np.uint16), byteorder=">")
    write_tiff(tmp_path / "masks" / "a.tif", LABELS, byteorder=">")
    found = verified(tmp_path)
    assert (found.dtype, found.nuclei, found.warnings) == ("uint16", len(np.unique(LABELS)) - 1, ())


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_labels_of_any_integer_type(tmp_path, dtype):
    assert verified(stored(tmp_path, labels=LABELS.astype(dtype))).nuclei == len(np.unique(LABELS)) - 1


def test_the_largest_label(tmp_path):
    assert verified(stored(tmp_path, labels=with_labels((LABELS == 3, 2**32 - 3)))).warnings == ()


def test_a_test_volume_may_lack_labels_or_instances(tmp_path):
    assert verified(stored(tmp_path / "1", labels=None), "test").nuclei is None
    assert verified(stored(tmp_path / "2", labels=np.zeros_like(LABELS)), "test").nuclei == 0


def test_planes_that_a_program_called_channels_are_planes_if_it_is_said(tmp_path):
    # tifffile does so, with imagej=True and no axes.
    refused(stored(tmp_path, imagej=True), "images/a.tif", 'data.axes = "ZYX"')
    assert verified(tmp_path, axes="ZYX").shape == RAW.shape


# Images of one plane
@pytest.mark.parametrize("options", [{}, {"imagej": True}, {"ome": True}])
def test_an_image_is_a_volume_of_one_plane(tmp_path, options):
    stored(tmp_path, RAW[5], LABELS[5], **options)
    data = configured(train_data=tmp_path)
    (source,) = find_sources(data, ["train"])["train"]
    np.testing.assert_array_equal(source.read_raw(), RAW[5:6])
    np.testing.assert_array_equal(source.read_labels(), LABELS[5:6])
    assert verify(source, "train", data, preprocessing(), ndim=2).warnings == ()
    # Possible, and hardly meant.
    assert "model.ndim = 2" in verify(source, "train", data, preprocessing(), ndim=3).warnings[0]


def test_a_volume_is_no_image(tmp_path):
    data = configured(train_data=stored(tmp_path))
    (source,) = find_sources(data, ["train"])["train"]
    with pytest.raises(InputError, match=r"images/a\.tif: a volume of 20 planes, but model\.ndim = 2"):
        verify(source, "train", data, preprocessing(), ndim=2)


# Errors of the image
ONE = "expected one volume"


@pytest.mark.parametrize(
    ("array", "options", "needles"),
    [
        (np.stack([RAW, RAW]), {}, [ONE, "2 x 20 x 22 x 40"]),
        (np.stack([RAW, RAW], 1), {"imagej": True, "metadata": {"axes": "ZCYX"}}, [ONE, "Z, C, Y, X", "channels"]),
        (np.stack([RAW, RAW]), {"imagej": True, "metadata": {"axes": "TZYX"}}, [ONE, "T, Z, Y, X", "time"]),
        (RAW[:3], {"imagej": True, "metadata": {"axes": "CYX"}}, [ONE, "C, Y, X", "channels"]),
        (np.stack([RAW[0]] * 3, -1), {"photometric": "rgb"}, [ONE, "Y, X, S", "channels"]),
        *((np.where(LABELS, RAW, value), {}, ["NaN or infinite"]) for value in (np.nan, np.inf, -np.inf)),
        (np.full_like(RAW, 7), {}, ["constant", "7"]),
        (RAW.astype(bool), {}, ["bool"]),
        (RAW.astype(np.complex64), {}, ["complex64"]),
    ],
)
def test_bad_images(tmp_path, array, options, needles):
    refused(stored(tmp_path, array, **options), "images/a.tif", *needles)


def test_several_images_in_one_file(tmp_path):
    stored(tmp_path)
    with tifffile.TiffWriter(tmp_path / "images" / "a.tif") as writer:
        writer.write(RAW)
        writer.write(RAW[:, :5])
    refused(tmp_path, "images/a.tif", "2 images", "planes are saved at once")


def test_an_empty_image(tmp_path):
    root = zarr.open_group(str(tmp_path / "a.zarr"), "w")
    for key in ("volumes/raw", "volumes/gt_labels"):
        root.create_dataset(key, data=np.zeros((0, 4, 4), np.uint8))
    refused(tmp_path, "a.zarr", "empty", "0 x 4 x 4")


def test_an_unknown_voxel_size(tmp_path):
    refused(stored(tmp_path), "images/a.tif", "data.voxel_size", voxel_size=())


def test_a_recorded_voxel_size(tmp_path):
    stored(tmp_path, metadata={"axes": "ZYX", "spacing_zyx": [2, 0.5, 0.5]})
    assert verified(tmp_path, voxel_size=()).voxel_size == (2, 0.5, 0.5)
    assert verified(tmp_path, voxel_size=(3, 1, 1)).voxel_size == (3, 1, 1)


# Errors of the labels
@pytest.mark.parametrize(
    ("labels", "needles"),
    [
        (LABELS[:-1], ["19 x 22 x 40", "20 x 22 x 40", "images/a.tif"]),
        (LABELS + 0.5, ["interpolated", "nearest neighbor", "expected a whole number"]),
        (np.where(LABELS == 3, 2.0**24 + 2, LABELS).astype(np.float32), ["16777216", "float32", "store integers"]),
        (
            np.where(LABELS == 3, LABELS, np.nan),
            ["values that are NaN", "data.ignore_label", "expected a whole number"],
        ),
        (np.where(LABELS == 3, np.inf, LABELS), ["infinite", "expected a whole number"]),
        (LABELS > 0, ["a boolean mask", "a different number for each instance", "data.split_pieces = true"]),
        (with_labels(((0, 0, 0), -3), dtype=np.int32), ["negative label -3", "data.ignore_label = -3"]),
        (with_labels((LABELS == 3, 2**32 - 1)), ["4294967293", "renumber", "data.ignore_label = 4294967295"]),
        (with_labels((LABELS == 3, 2**40), dtype=np.uint64), [str(2**40), "renumber"]),
        (np.zeros_like(LABELS), ["no instance"]),
    ],
    ids=["shape", "fraction", "rounded", "nan", "inf", "bool", "negative", "large", "huge", "none"],
)
def test_bad_labels(tmp_path, labels, needles):
    refused(stored(tmp_path, labels=labels), "masks/a.tif", *needles)


def test_labels_at_another_place(tmp_path):
    root = zarr.open_group(str(tmp_path / "a.zarr"), "w")
    for key, array, offset in (("raw", RAW, 0), ("gt", LABELS, 8)):
        root.create_dataset(key, data=array).attrs["offset"] = (0, 0, offset)
    refused(tmp_path, "a.zarr", "offset", raw_key="raw", gt_key="gt")


# Damaged files
def encoded(array, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **options)
    return stream.getvalue()


@pytest.mark.parametrize("options", [
    {}, {"metadata": None}, {"compression": "zlib"}, {"compression": "zlib", "metadata": None}, {"imagej": True}, {"ome": True},
], ids=str)  # fmt: skip
def test_a_tiff_that_was_cut_off_is_named_or_read_whole(tmp_path, options):
    """Whatever the place of the cut: tifffile itself gives fewer planes for many of them, and logs a line."""
    small = np.random.default_rng(0).integers(0, 255, (6, 7, 8), np.uint8)
    whole = encoded(small, **options)
    source = find_sources(configured(test_data=stored(tmp_path, small, labels=None)))["test"][0]
    messages = []
    for size in range(0, len(whole), 7):
        source.image.file.write_bytes(whole[:size])
        try:
            np.testing.assert_array_equal(source.read_raw(), small)
        except InputError as error:
            messages.append(str(error))
    assert all(message.startswith(f"{source.image.file}: ") for message in messages)
    assert len(messages) > len(whole) / 7 / 3


@pytest.mark.parametrize("content", [b"", b"II", b"not a tiff at all", b"\x89PNG\r\n"])
def test_files_that_are_no_tiff(tmp_path, content):
    stored(tmp_path)
    (tmp_path / "masks" / "a.tif").write_bytes(content)
    refused(tmp_path, "masks/a.tif", "damaged or incomplete")


def test_ome_planes_that_are_missing(tmp_path):
    stored(tmp_path)
    content = encoded(RAW, ome=True, metadata={"axes": "ZYX"}).replace(b'SizeZ="20"', b'SizeZ="30"')
    (tmp_path / "images" / "a.tif").write_bytes(content)
    refused(tmp_path, "images/a.tif", "planes are missing")


# Warnings
def test_whole_numbers_stored_as_floating_point_are_labels(tmp_path):
    found = verified(stored(tmp_path, labels=LABELS.astype(np.float32)))
    assert (found.nuclei, found.warnings) == (
        len(np.unique(LABELS)) - 1,
        ("labels of type float32, read as whole numbers",),
    )


@pytest.mark.parametrize("mask", [LABELS > 0, np.where(LABELS > 0, np.uint8(255), np.uint8(0))], ids=["bool", "255"])
def test_the_pieces_of_a_mask_are_instances_where_asked(tmp_path, mask):
    found = verified(stored(tmp_path, labels=mask), split_pieces=True)
    pieces = connected(mask, connectivity=3).max()
    assert found.nuclei == pieces > 3


def test_pieces_are_not_numbered_as_a_table_of_centers_is(tmp_path):
    (stored(tmp_path) / "centers").mkdir()
    (tmp_path / "centers" / "a.csv").write_text("1,1,1,1\n")
    refused(tmp_path, "centers/a.csv", "data.split_pieces", split_pieces=True)


def test_labels_in_several_pieces_are_listed(tmp_path):
    labels = with_labels(((0, 0, slice(0, 6)), 3), ((19, 21, slice(0, 6)), 9))
    assert verified(stored(tmp_path, labels=labels)).warnings == ("labels in several pieces that do not touch: 3, 9",)


def test_pieces_that_touch_by_a_corner_are_one(tmp_path):
    labels = np.zeros_like(LABELS)
    labels[2:4, 2:4, 2:4] = labels[4:6, 4:6, 4:6] = 1
    assert "pieces" not in " ".join(verified(stored(tmp_path, labels=labels)).warnings)


def test_tiny_labels_are_listed_up_to_ten(tmp_path):
    labels = with_labels(*[((0, 0, slice(4 * i, 4 * i + 3)), 100 + i) for i in range(10)], ((0, 2, slice(0, 5)), 200))
    ten = ", ".join(str(100 + i) for i in range(10))
    assert verified(stored(tmp_path / "10", labels=labels)).warnings == (f"labels of fewer than 5 voxels: {ten}",)
    labels[0, 4, :3] = 300
    (warning,) = verified(stored(tmp_path / "11", labels=labels)).warnings
    assert warning == f"labels of fewer than 5 voxels: {ten}, ... (11 in all)"


def test_centers_and_labels_are_compared(tmp_path):
    stored(tmp_path, np.where(LABELS > 5, 0, RAW), labels=with_labels((LABELS > 5, 0)))
    (tmp_path / "centers").mkdir()
    (tmp_path / "centers" / "a.csv").write_text("5, 5, 5, 3\n5, 5, 99, 8\n-1, 0, 0, 9\n5, 6, 5, 3\n")
    assert verified(tmp_path).warnings == (
        "annotated centers outside the image (z, y, x?): 8, 9",
        "labels with several annotated centers: 3",
        "labels without an annotated center: 5",
        "annotated centers without a label: 8, 9",
    )


def test_centers_far_from_their_labels_are_listed(tmp_path):
    """Exchanged axes, or numbers: the places are in the image, and the labels exist, all the same."""
    stored(tmp_path)
    objects = measure(LABELS)
    (tmp_path / "centers").mkdir()

    def warnings(centers):
        rows = [", ".join(map(str, [*center, number])) for center, number in zip(centers, objects.ids, strict=True)]
        (tmp_path / "centers" / "a.csv").write_text("\n".join(rows))
        return verified(tmp_path).warnings

    assert (warnings(objects.centers), warnings(np.add(objects.centers, (0, 3, -3)))) == ((), ())
    (warning,) = warnings(np.roll(objects.centers, 1, axis=0))
    assert warning.startswith("annotated centers farther from the center of their label than the label is long: 3, 5")
    assert warnings(objects.centers[:, [1, 0, 2]])


def test_a_center_beside_masks_needs_the_number_of_its_label(tmp_path):
    stored(tmp_path)
    (tmp_path / "centers").mkdir()
    (tmp_path / "centers" / "a.csv").write_text("5, 5, 5, 3\n\n6, 7, 8\n")
    refused(tmp_path, "centers/a.csv, line 3: 6 7 8", "needs the label number")


# Points without labels
def points(folder, text):
    stored(folder, labels=None)
    (folder / "centers").mkdir()
    (folder / "centers" / "a.csv").write_text(text)
    return folder


def test_points_are_counted(tmp_path):
    found = verified(points(tmp_path, "5, 5, 5\n6, 9, 39.5\n-0.5, 0, 0\n"))
    assert found == Finding("a", "train", (20, 22, 40), "uint8", (1, 1, 1), 3, (), is_sparse=True)


@pytest.mark.parametrize(
    ("text", "line", "needles"),
    [
        *(
            (f"z,y,x\n5, 5, 5\n\n{place}\n5, 22, 0\n", ", line 4: ", ["20 x 22 x 40", "2 of 3 points", "z, y, x"])
            for place in ("-0.51, 5, 5", "5, 5, 39.6", "5, 39, 5", "1e9, 0, 0")
        ),
        ("z,y,x\n", "", ["no point"]),
        ("5, 5, 5, 4294967295", ", line 1: 5 5 5", ["too large", "4294967293"]),
    ],
)
def test_bad_points(tmp_path, text, line, needles):
    refused(points(tmp_path, text), f"centers/a.csv{line}", *needles)


def test_a_test_volume_may_have_no_point(tmp_path):
    assert verified(points(tmp_path, "z,y,x\n"), "test").nuclei == 0


def test_numbers_in_quotes_are_numbers(tmp_path):
    assert verified(points(tmp_path, '"z","y","x"\n"5", "5.5","6"\n')).nuclei == 1


def test_odd_points_are_listed(tmp_path):
    text = "5, 5, 5, 2\n8, 8, 8, 7\n5, 5, 5.5, 3\n9, 9, 9, 2\n"
    assert verified(points(tmp_path, text)).warnings == (
        "duplicate ids, so the points are renumbered: 2",
        "points less than one voxel from another point (z y x): 5 5 5, 5 5 5.5",
    )


def test_intensities_that_do_not_fit_are_found_before_anything_is_written(tmp_path):
    (source,) = find_sources(configured(train_data=stored(tmp_path)), ["train"])["train"]
    with pytest.raises(InputError, match=re.escape(f"{tmp_path}/images/a.tif: preprocessing.normalize = 'none'")):
        verify(source, "train", configured(), preprocessing(normalize="none"))


# Measurements
@pytest.mark.parametrize("seed", range(3))
def test_measurements_are_those_of_each_label_alone(seed):
    labels = np.random.default_rng(seed).choice([0, 0, 0, 1, 2, 7, 2**40], (5, 6, 40))
    # Few in a large box, and counted by other means: two that touch by a corner, and two with one voxel between them.
    labels[0, 0, 0] = labels[1, 1, 1] = labels[-1, -1, -1] = labels[-1, -1, -3] = 99
    labels = np.pad(labels, ((1, 0), (2, 0), (3, 0)))
    objects = measure(labels)
    assert objects.ids.tolist() == [1, 2, 7, 99, 2**40]
    for i, number in enumerate(objects.ids):
        mask = labels == number
        voxels = np.argwhere(mask)
        assert objects.sizes[i] == len(voxels)
        np.testing.assert_allclose(objects.centers[i], voxels.mean(axis=0))
        assert objects.extents[i].tolist() == (voxels.max(axis=0) - voxels.min(axis=0) + 1).tolist()
        pieces = np.bincount(connected(mask, connectivity=3).ravel())[1:]
        assert objects.pieces[i] == len(pieces)
        assert objects.parts[i] == (pieces >= max(5, pieces.max() / 10)).sum()
        assert objects.crumbs[i] == (pieces < 5).sum()
    assert objects.pieces[3] == 3


def test_crumbs_of_many_labels_all_over_a_volume_take_no_time():
    labels = np.zeros((60, 200, 200), np.uint16)
    labels.flat[np.random.default_rng(0).choice(labels.size, 4000, replace=False)] = np.arange(4000) % 400 + 1
    start = time.process_time()
    assert (measure(labels).pieces > 1).all()
    assert time.process_time() - start < 2


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real volumes are not here: {REAL}")
def test_real_volumes():
    data = configured(train_data=REAL / "arabidopsis_ovule" / "train", test_data=REAL / "mouse_embryo" / "test", voxel_size=())  # fmt: skip
    findings = {
        split: verify(there[0], split, data, preprocessing())
        for split, there in find_sources(data, ["train", "test"]).items()
    }
    assert findings["train"] == Finding("1135", "train", (100, 100, 100), "uint8", (0.284, 0.127, 0.127), 54, ())
    assert findings["test"] == Finding("8_cell_stage", "test", (51, 120, 122), "uint16", (2.18, 1, 1), 8, ())


def test_a_message_names_the_member_of_a_zip(tmp_path):
    make_folder(tmp_path / "test", "a", masks=False)
    write_tiff(tmp_path / "test" / "images" / "a.tif", np.stack([RAW[0]] * 3, -1), photometric="rgb")
    archive = shutil.make_archive(str(tmp_path / "x"), "zip", tmp_path)
    with pytest.raises(InputError, match=re.escape(f"{archive}!test/images/a.tif: 3 axes, Y, X, S")):
        verified(archive, "test")
