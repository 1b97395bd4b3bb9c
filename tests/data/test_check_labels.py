"""Labels that are no nuclei."""

import io

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from auxcpvloss.data.check_labels import check_labels
from auxcpvloss.data.check_unlabelled import check_unlabelled
from auxcpvloss.data.objects import measure
from auxcpvloss.system.errors import InputError

SHAPE = (24, 48, 64)


def nuclei(radius=4, spacing=12):
    """Balls on a grid, 1, 2, ..."""
    labels = np.zeros(SHAPE, np.uint16)
    grid = np.indices(SHAPE)
    centers = [(z, y, x) for z in (6, 18) for y in range(6, 48, spacing) for x in range(6, 64, spacing)]
    for number, center in enumerate(centers, start=1):
        labels[sum((axis - at) ** 2 for axis, at in zip(grid, center, strict=True)) <= radius**2] = number
    return labels


NUCLEI = nuclei()
IMAGE = (NUCLEI > 0) * 100 + np.random.default_rng(0).integers(0, 50, SHAPE)


def box(label, *corner):
    """Nuclei, with a region of one label over them."""
    labels = NUCLEI.copy()
    labels[tuple(slice(0, end) for end in corner)] = label
    return labels


def jpeg(labels):
    """Compress planes with losses."""
    stream = io.BytesIO()
    tifffile.imwrite(stream, labels.astype(np.uint8), compression="jpeg", compressionargs={"level": 90})
    stream.seek(0)
    return tifffile.imread(stream)


def found(labels):
    return check_labels(labels, measure(labels), "masks/a.tif")


def interpolated(order, factor):
    return ndimage.zoom(NUCLEI.astype(float), factor, order=order).clip(0).astype(np.uint16)


@pytest.mark.parametrize(
    ("labels", "needles"),
    [
        (np.where(NUCLEI == 0, 1, NUCLEI + 1), ["label 1 covers", "store it as 0", "data.ignore_label = 1"]),
        (np.where(NUCLEI == 0, 255, 0), ["label 255 covers", "store it as 0, and a number for each nucleus"]),
        (box(65535, 24, 48, 40), ["label 65535 covers", "data.ignore_label = 65535"]),
        (np.where(NUCLEI > 0, 255, 0), ["label 255 is in", "data.split_pieces = true"]),
        (np.where(NUCLEI > 10, 2, np.minimum(NUCLEI, 1)), ["label 1 is in", "data.split_pieces = true"]),
        (jpeg(NUCLEI * 6), ["JPEG", "nearest neighbor"]),
        (interpolated(1, 2), ["interpolated", "nearest neighbor"]),
        (interpolated(3, 1.3), ["interpolated", "nearest neighbor"]),
        (interpolated(1, 0.7), ["interpolated", "nearest neighbor"]),
    ],
    ids=["background", "inverted", "ignored", "binary", "classes", "jpeg", "doubled", "cubic", "shrunk"],
)
def test_what_cannot_be_nuclei_is_refused(labels, needles):
    with pytest.raises(InputError) as caught:
        found(labels)
    assert all(needle in str(caught.value) for needle in ["masks/a.tif", *needles]), caught.value


@pytest.mark.parametrize(
    ("labels", "needles"),
    [
        (box(99, 24, 20, 24), ["label 99 covers", "data.ignore_label = 99"]),
        (box(255, 12, 12, 12), ["label 255 covers", "data.ignore_label = 255"]),
        (box(7, 24, 48, 20), ["label 7 covers"]),
        (np.where(NUCLEI > 2, 0, NUCLEI) + 255 * (np.indices(SHAPE)[0] > 21), ["label 255 covers"]),
        (np.where((NUCLEI == 4) | (NUCLEI == 7), 1, 0), ["the only label is 1, in 2", "data.split_pieces = true"]),
        (np.where(NUCLEI == 4, 255, 0), ["the only label is 255, in one piece", "data.split_pieces = true"]),
        (
            np.where(NUCLEI < 7, NUCLEI, 0) % 3 + (NUCLEI > 0) * (NUCLEI < 7),
            ["all 3 labels", "data.split_pieces = true"],
        ),
    ],
    ids=["giant", "small ignored", "face", "ignored among few", "two", "one", "classes of few"],
)
def test_labels_that_are_hardly_nuclei_are_named(labels, needles):
    (warning,) = [line for line in found(labels) if "several pieces" not in line and "fewer" not in line]
    assert all(needle in warning for needle in needles), warning


@pytest.mark.parametrize(
    "labels",
    [
        NUCLEI,
        # Large beside small, of an ordinary number; alone, and cut by many faces.
        box(99, 12, 14, 16),
        (nuclei(12, 100) == 1).astype(np.uint16),
        box(1, 24, 48, 15) * (np.indices(SHAPE)[2] < 15),
        # Dividing.
        np.where(NUCLEI == 2, 1, NUCLEI),
    ],
    ids=["plain", "large", "alone", "quarter", "dividing"],
)
def test_ordinary_labels_are_fine(labels):
    assert [line for line in found(labels) if "in several pieces" not in line and "fewer" not in line] == []


@pytest.mark.parametrize("axis", range(3))
def test_planes_that_were_left_out_are_noticed(axis):
    labels = np.where(np.indices(SHAPE)[axis] % 3 == 1, NUCLEI, 0)
    line = next(line for line in found(labels) if "planes" in line)
    assert line.startswith(f"along {'zyx'[axis]} only planes ")
    assert "data.ignore_label" in line
    # Once, and not as the pieces that it makes of nuclei.
    assert not any("in several pieces" in line for line in found(labels))
    assert check_unlabelled(IMAGE, labels, None) == []
    assert not any("planes" in line for line in check_labels(labels, measure(labels), "", labels == 0))


def test_voxels_that_nobody_annotated_may_join_pieces():
    one = np.zeros(SHAPE, np.uint16)
    one[2:22, 10:30, 10:30] = 1
    ignored = np.indices(SHAPE)[0] % 4 >= 2
    labels = np.where(ignored, 0, one)
    assert check_labels(labels, measure(labels), "", ignored) == []
    with pytest.raises(InputError, match=r"data\.split_pieces"):
        found(labels)
    # Others are judged as ever.
    ignored &= np.indices(SHAPE)[2] > 40
    with pytest.raises(InputError, match=r"data\.split_pieces"):
        check_labels(labels, measure(labels), "", ignored)


def test_of_several_axes_that_lack_labels_the_one_that_lacks_most_is_named():
    quarter = np.where((np.indices(SHAPE)[1] < 24) & (np.indices(SHAPE)[2] < 16), NUCLEI, 0)
    (line,) = check_unlabelled(IMAGE, quarter, None)
    assert line.startswith("along x ")


@pytest.mark.parametrize("axis", range(3))
def test_a_part_that_was_not_annotated_is_noticed(axis):
    half = np.where(np.indices(SHAPE)[axis] < SHAPE[axis] // 2, NUCLEI, 0)
    (line,) = check_unlabelled(IMAGE, half, None)
    assert line.startswith(f"along {'zyx'[axis]} ")
    assert "data.ignore_label" in line
    assert check_unlabelled(IMAGE, half, np.indices(SHAPE)[axis] >= SHAPE[axis] // 2) == []
    # Neither where all is annotated nor where there is nothing to be annotated.
    assert check_unlabelled(IMAGE, NUCLEI, None) == []
    assert check_unlabelled(np.where(half > 0, IMAGE, IMAGE % 50), half, None) == []
