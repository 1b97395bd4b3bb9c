"""Volumes of which parts are not annotated, from files to samples."""

import numpy as np
import pytest

from auxcpvloss.data.annotated import IGNORED, annotated_boxes
from auxcpvloss.data.store import expected_made_from, write_sample
from auxcpvloss.data.verify import verify
from auxcpvloss.system.errors import InputError
from tests.data.volumes import blobs, configured, make_folder, only, preprocessing, write_tiff

RAW, LABELS = blobs()
HALF = (slice(None), slice(None), slice(20, None))


def marked(value, dtype):
    """Labels, not annotated in one half."""
    labels = LABELS.astype(dtype)
    labels[HALF] = value
    return labels


def prepared(tmp_path, labels=None, points=None, shape=None, **changes):
    """A sample, and what was found out about it, of a volume with a mask, center points, or both."""
    raw = RAW if shape is None else blobs(shape)[0]
    write_tiff(tmp_path / "images" / "a.tif", raw)
    if labels is not None:
        write_tiff(tmp_path / "masks" / "a.tif", labels, photometric="minisblack")
    if points is not None:
        (tmp_path / "centers").mkdir()
        (tmp_path / "centers" / "a.csv").write_text(points)
    data = configured(test_data=tmp_path, input_format="tif", **changes)
    source = only(tmp_path, input_format="tif", **changes)
    found = verify(source, "train", data, preprocessing())
    return write_sample(source, tmp_path / "a.zarr", data, preprocessing()), found


@pytest.mark.parametrize(("value", "dtype"), [(-1, "int8"), (-1, "int32"), (-100, "int16"), (255, "uint8"), (65535, "uint16"), (2**32 - 1, "uint32"), (7, "uint8")])  # fmt: skip
def test_marked_voxels_are_no_nucleus(tmp_path, value, dtype):
    sample, found = prepared(tmp_path, marked(value, dtype), ignore_label=value, padding=(0, 1, 0))
    # Also elsewhere.
    truth = np.where(np.isin(LABELS, value), IGNORED, LABELS)
    truth[HALF] = IGNORED
    np.testing.assert_array_equal(sample.labels.read()[:, 1:-1], truth)
    assert (sample.labels.read()[:, [0, -1]] == 0).all()
    ids = set(np.unique(truth).tolist()) - {0, int(IGNORED)}
    assert (found.nuclei, found.annotated, found.warnings) == (len(ids), np.mean(truth != IGNORED), ())
    assert set(sample.centers()[:, 3].astype(int).tolist()) == ids
    assert (sample.is_partly_annotated, max(sample.max_extent)) == (True, 7)


def test_whole_volumes_are_stored_as_before(tmp_path):
    """The keys leave no trace where nothing is marked, and a word tells that nothing is."""
    plain, _ = prepared(tmp_path / "plain", LABELS)
    asked, found = prepared(tmp_path / "asked", LABELS.astype(np.uint16), ignore_label=-1)
    assert "-1" in found.warnings[0]
    assert "uint16" in found.warnings[0]
    assert not plain.is_partly_annotated
    assert not asked.is_partly_annotated
    assert not {"ignore_label", "annotated_box"} & plain.made_from.keys()
    assert asked.made_from["ignore_label"] == -1
    assert "partly_annotated" not in (plain.path / ".zattrs").read_text()


def test_the_box_around_all_nuclei_is_what_was_annotated(tmp_path):
    labels = LABELS.copy()
    labels[HALF] = 0
    sample, found = prepared(tmp_path, labels, annotated_box=True)
    first, last = np.argwhere(labels).min(0), np.argwhere(labels).max(0) + 1
    (box,) = annotated_boxes(sample.truth)
    np.testing.assert_array_equal(box, [first, last])
    assert found.annotated == pytest.approx(np.prod(last - first) / LABELS.size)
    inside = tuple(map(slice, first, last))
    np.testing.assert_array_equal(sample.labels.read()[inside], labels[inside])


POINTS = "z,y,x\n5,5,5\n9,15,12\n5,5,30\n"


def test_beside_points_a_mask_without_nuclei_says_where_nobody_looked(tmp_path):
    sample, found = prepared(tmp_path, marked(-1, "int16") * (marked(-1, "int16") < 0), POINTS, ignore_label=-1)
    assert (sample.is_sparse, found.is_sparse, found.nuclei) == (True, True, 2)
    np.testing.assert_array_equal(sample.centers(), [[5, 5, 5, 1], [9, 15, 12, 2]])
    truth = sample.truth.read()
    assert (truth[HALF] == IGNORED).all()
    assert set(np.unique(truth[..., :20]).tolist()) == {0, 1, 2}


def test_points_have_a_box_too(tmp_path):
    sample, found = prepared(tmp_path, points=POINTS, annotated_box=True)
    assert found.nuclei == 3
    np.testing.assert_array_equal(annotated_boxes(sample.truth), [[[5, 5, 5], [10, 16, 31]]])


@pytest.mark.parametrize(
    ("labels", "points", "said"),
    [
        (np.full(RAW.shape, -1, np.int16), None, ["masks/a.tif", "-1", "data.ignore_label", "nothing is annotated"]),
        (np.where(LABELS > 0, -1, 0).astype(np.int16), None, ["masks/a.tif", "no instances"]),
        (np.where(LABELS == 3, -1, LABELS).astype(np.int16)[1:], None, ["masks/a.tif", "19 x 22 x 40"]),
        (np.where(LABELS == 3, -1, 0).astype(np.int16)[1:], POINTS, ["masks/a.tif", "19 x 22 x 40"]),
        (marked(-1, "int16") * 0 - (np.indices(RAW.shape)[2] < 35), POINTS, ["centers/a.csv", "no point in annotated"]),
    ],
)
def test_what_leaves_nothing_to_learn_is_refused(tmp_path, labels, points, said):
    with pytest.raises(InputError) as caught:
        prepared(tmp_path, labels.astype(np.int16), points, ignore_label=-1)
    for needle in said:
        assert needle in str(caught.value)


def test_points_in_single_planes_are_learned_from_on_coarse_voxels_too(tmp_path):
    # The nearest voxels of the others are not annotated: there would be no patch to learn from.
    mask = np.full(RAW.shape, 255, np.uint8)
    mask[3] = 0
    keys = {"ignore_label": 255, "voxel_size": (1.0, 1.0, 1.0), "target_voxel_size": (4.0, 1.0, 1.0)}
    sample, found = prepared(tmp_path, mask, "3,5,6,1\n3,12,20,2\n", **keys)
    assert found.nuclei == 2
    places = np.rint(sample.centers()[:, :3]).astype(int)
    assert sample.truth.read()[tuple(places.T)].tolist() == [1, 2]
    assert len(annotated_boxes(sample.truth))


def test_boxes_hold_all_annotated_voxels_and_little_else():
    truth = np.full((70, 50, 90), IGNORED)
    truth[40:60, 10:45, 20:80] = 0
    truth[5] = 3
    covered = np.zeros(truth.shape, int)
    for first, last in annotated_boxes(truth):
        covered[tuple(map(slice, first, last))] += 1
    np.testing.assert_array_equal(covered, truth != IGNORED)


def test_padding_is_nothing_to_learn_from():
    truth = np.pad(np.full((20, 20, 20), IGNORED), 5)
    assert len(annotated_boxes(truth)) > 0
    assert len(annotated_boxes(truth, (5, 5, 5))) == 0
    truth[10:12, 10, 10] = 0
    np.testing.assert_array_equal(annotated_boxes(truth, (5, 5, 5)), [[[10, 10, 10], [12, 11, 11]]])


def test_a_current_sample_is_known_by_both_keys(tmp_path):
    make_folder(tmp_path, "a")
    source = only(tmp_path)
    records = [expected_made_from(source, configured(test_data=tmp_path, **more), preprocessing()) for more in ({}, {"ignore_label": 255}, {"annotated_box": True})]  # fmt: skip
    assert len({str(record) for record in records}) == 3
