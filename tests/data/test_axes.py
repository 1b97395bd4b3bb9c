"""Which axes an array has, and which channel of it is read: by the names in the file and by data.axes, data.channel."""

import numpy as np
import pytest

from auxcpvloss.data.sources.axes import Axes
from auxcpvloss.system.errors import InputError
from tests.data.volumes import blobs, only, write_tiff

ARRAY = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
VOLUME = ARRAY[0]


def volume(array, names="", axes="", channel=-1):
    return Axes(axes, channel).cut("a.tif", array.shape, names).of(array)


@pytest.mark.parametrize(
    ("array", "names"),
    [
        (VOLUME, "ZYX"),
        (VOLUME, ""),
        (VOLUME, "QYX"),
        (VOLUME, "IYX"),
        (VOLUME.transpose(2, 1, 0), "xyz"),
        (VOLUME.transpose(1, 0, 2), "YZX"),
        (VOLUME[None, None], "TCZYX"),
        (VOLUME[:, None], "ZCYX"),
        (VOLUME[..., None], "ZYXS"),
        (VOLUME[None], "QQYX"),
        (VOLUME[:, None], "QQYX"),
        (VOLUME[None, ..., None], ""),
        (VOLUME[None], "AZYX"),
        (VOLUME[:, None], "QCYX"),
    ],
    ids=str,
)
def test_axes_of_length_1_are_dropped_and_the_others_put_in_order(array, names):
    np.testing.assert_array_equal(volume(array, names), VOLUME)


def test_planes_and_small_volumes_keep_their_axes():
    assert volume(np.zeros((4, 5)), "YX").shape == volume(np.zeros((4, 5))).shape == (1, 4, 5)
    assert volume(np.zeros((1, 4, 5))).shape == volume(np.zeros((1, 1, 4, 5)), "QQYX").shape == (1, 4, 5)
    assert volume(np.zeros((3, 1, 5)), "ZYX").shape == volume(np.zeros((3, 1, 5))).shape == (3, 1, 5)
    assert volume(np.zeros((1, 3, 1, 5)), "CZYX").shape == (3, 1, 5)
    assert volume(np.zeros((3, 1, 5, 1)), "ZYXS", "ZYX").shape == (3, 1, 5)


@pytest.mark.parametrize(
    ("names", "axes", "expected"),
    [
        ("CZYX", "", ARRAY[1]),
        ("", "CZYX", ARRAY[1]),
        ("TZYX", "CZYX", ARRAY[1]),
        ("", "ZCYX", ARRAY[:, 1]),
        ("ZYXS", "", ARRAY[..., 1]),
        ("", "XYCZ", ARRAY[:, :, 1].transpose(2, 1, 0)),
    ],
)
def test_a_channel_is_chosen(names, axes, expected):
    np.testing.assert_array_equal(volume(ARRAY, names, axes, channel=1), expected)


@pytest.mark.parametrize(
    ("array", "names", "axes"),
    [
        (VOLUME, "CYX", "ZYX"),
        (VOLUME, "TYX", "ZYX"),
        # Masks beside images with channels.
        (VOLUME, "QYX", "CZYX"),
        (VOLUME, "ZYX", "TCZYX"),
        (VOLUME[None], "QQYX", "CZYX"),
        (VOLUME[None], "QQYX", "ZYX"),
        (VOLUME[:, None], "QQYX", "ZYX"),
    ],
)
def test_names_that_are_configured_replace_those_of_the_file(array, names, axes):
    np.testing.assert_array_equal(volume(array, names, axes), VOLUME)


def test_of_configured_axes_those_of_length_1_may_be_left_out():
    np.testing.assert_array_equal(volume(VOLUME, "CYX", "CZYX", channel=2), VOLUME[2:])
    np.testing.assert_array_equal(volume(VOLUME[0], "YX", "ZYX"), VOLUME[:1])
    np.testing.assert_array_equal(volume(VOLUME[0], "", "CZYX", channel=1), VOLUME[:1])


@pytest.mark.parametrize(
    ("array", "names", "axes", "channel", "needles"),
    [
        (
            VOLUME,
            "CYX",
            "",
            -1,
            ["C, Y, X, of 3 x 4 x 5 voxels (C: channels)", "data.channel (0 to 2)", 'data.axes = "ZYX"'],
        ),
        (VOLUME, "TYX", "", -1, ["T, Y, X, of 3 x", "T: time", "time point", 'data.axes = "ZYX"']),
        (VOLUME, "YXS", "", -1, ["Y, X, S, of 3 x", "S: channels", "data.channel (0 to 4)"]),
        (VOLUME, "AYX", "", -1, ["A, Y, X", 'data.axes = "ZYX"']),
        (ARRAY, "TZYX", "", 0, ["T, Z, Y, X", "time point"]),
        (ARRAY, "", "TZYX", 0, ["T, Z, Y, X", "time point"]),
        (ARRAY, "CZYX", "", -1, ["data.channel (0 to 1)"]),
        (ARRAY, "CZYX", "", 2, ["data.channel = 2", "counted from 0"]),
        (ARRAY, "", "", 0, ["?, ?, ?, ?, of 2 x", "?: not named", 'for example "CZYX"']),
        (ARRAY, "QZYX", "", 0, ["?, Z, Y, X", "data.axes"]),
        (ARRAY, "CZYX", "ZYX", -1, ["do not fit data.axes = 'ZYX'"]),
        # Three channels of a plane are not the planes of a mask.
        (VOLUME, "CYX", "TZYX", -1, ["do not fit data.axes = 'TZYX'"]),
        (ARRAY, "CYXS", "", 0, ["C, Y, X, S"]),
        (np.zeros(7), "", "", -1, ["1 axes", "of 7 voxels"]),
        (VOLUME, "ZYC", "", 0, ["Z, Y, C"]),
    ],
)
def test_what_is_no_volume_of_one_channel_is_refused_with_the_remedy(array, names, axes, channel, needles):
    with pytest.raises(InputError) as caught:
        volume(array, names, axes, channel)
    for needle in ("a.tif: ", *needles):
        assert needle in str(caught.value)


# Of TIFF files.
OME = {"ome": True, "photometric": "minisblack"}
IMAGEJ = {"imagej": True, "photometric": "minisblack"}


@pytest.mark.parametrize("options", [OME, IMAGEJ])
@pytest.mark.parametrize("axes", ["CYX", "TYX"])
@pytest.mark.parametrize("planes", [3, 7])
def test_channels_and_time_points_of_tiff_files_are_no_planes(tmp_path, options, axes, planes):
    raw = blobs((planes, 12, 14), dtype="uint16")[0]
    write_tiff(tmp_path / "images" / "a.tif", raw, metadata={"axes": axes}, **options)
    with pytest.raises(InputError, match=rf"{axes[0]}, Y, X, of {planes} x 12 x 14 .*data\.axes = \"ZYX\""):
        only(tmp_path).read_raw()
    np.testing.assert_array_equal(only(tmp_path, axes="ZYX").read_raw(), raw)
    if axes == "CYX":
        np.testing.assert_array_equal(only(tmp_path, channel=2).read_raw(), raw[2:3])


def test_a_channel_of_tiff_files_beside_masks_without(tmp_path):
    raw, labels = np.stack([blobs((6, 12, 14), i)[0] for i in (0, 1)]), blobs((6, 12, 14))[1]
    write_tiff(tmp_path / "images" / "a.tif", raw.swapaxes(0, 1), metadata={"axes": "ZCYX"}, **IMAGEJ)
    write_tiff(tmp_path / "masks" / "a.tif", labels)
    for changes in ({}, {"axes": "ZCYX"}):
        source = only(tmp_path, channel=1, **changes)
        np.testing.assert_array_equal(source.read_raw(), raw[1])
        np.testing.assert_array_equal(source.read_labels(), labels)


@pytest.mark.parametrize("shape", [(1, 6, 12, 14), (6, 1, 12, 14), (6, 12, 14, 1), (1, 1, 6, 12, 14)])
def test_axes_of_length_1_in_tiff_files_are_dropped(tmp_path, shape):
    raw = blobs((6, 12, 14))[0]
    write_tiff(tmp_path / "images" / "a.tif", raw.reshape(shape), photometric="minisblack")
    np.testing.assert_array_equal(only(tmp_path).read_raw(), raw)


def test_masks_in_colors_are_refused_even_if_a_channel_is_chosen(tmp_path):
    raw, labels = blobs((11, 22, 34))
    write_tiff(tmp_path / "images" / "a.tif", raw)
    gray = np.stack([labels, labels, labels], axis=-1).astype(np.uint8)
    opaque = np.full((*labels.shape, 1), 255, np.uint8)
    for planar, place in (("contig", -1), ("separate", 1)):
        write = {"photometric": "rgb", "planarconfig": planar}
        write_tiff(tmp_path / "masks" / "a.tif", np.moveaxis(gray * (1, 2, 3), -1, place).astype(np.uint8), **write)
        for channel in (-1, 0):
            with pytest.raises(
                InputError, match=r"masks/a\.tif: a mask in colors; .*a different one for each instance"
            ):
                only(tmp_path, channel=channel).read_labels()
        write_tiff(tmp_path / "masks" / "a.tif", np.moveaxis(np.append(gray, opaque, -1), -1, place), **write)
        np.testing.assert_array_equal(only(tmp_path, channel=0).read_labels(), labels)
    write = {"photometric": "rgb", "ome": True, "metadata": {"axes": "ZYXS"}}
    write_tiff(tmp_path / "masks" / "a.tif", (gray * (1, 2, 3)).astype(np.uint8), **write)
    with pytest.raises(InputError, match="a mask in colors"):
        only(tmp_path, channel=0).read_labels()
