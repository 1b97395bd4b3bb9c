import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from auxcpvloss.config.units import Space
from auxcpvloss.looking.handover.objects import describe, object_table
from tests.looking.handover.scenes import SPACE, found

LABELS = arrays(np.uint32, array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.sampled_from([0, 0, 1, 2, 7, 2**32 - 2]))  # fmt: skip


@given(LABELS, st.tuples(*[st.integers(0, 1)] * 3))
def test_every_number_is_that_of_a_loop_over_voxels(labels, margin):
    image = np.arange(labels.size, dtype=np.float32).reshape(labels.shape)
    objects = describe(labels, image, margin)
    assert objects["id"].tolist() == sorted(set(labels.ravel().tolist()) - {0})
    for row in objects.to_dict("records"):
        voxels = [p for p in np.ndindex(labels.shape) if labels[p] == row["id"]]
        assert row["volume_voxels"] == len(voxels)
        assert [row[axis] for axis in "zyx"] == pytest.approx(np.mean(voxels, axis=0))
        assert row["mean_intensity_normalized"] == pytest.approx(np.mean([image[p] for p in voxels]))
        assert [row[f"first_{axis}"] for axis in "zyx"] == [min(p[i] for p in voxels) for i in range(3)]
        assert [row[f"last_{axis}"] for axis in "zyx"] == [max(p[i] for p in voxels) for i in range(3)]
        beside = set()
        for p in voxels:
            for axis in range(3):
                for step in (-1, 1):
                    q = tuple(c + step * (i == axis) for i, c in enumerate(p))
                    if all(0 <= c < n for c, n in zip(q, labels.shape, strict=True)):
                        beside.add(int(labels[q]))
        assert row["touches"] == " ".join(map(str, sorted(beside - {0, row["id"]})))
        at_end = any(n > 1 and not m < p[i] < n - 1 - m for p in voxels for i, (n, m) in enumerate(zip(labels.shape, margin, strict=True)))  # fmt: skip
        assert row["touches_border"] == at_end


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_says_places_and_volumes_in_voxels_and_in_space():
    objects = describe(found(), np.full(found().shape, 0.25, np.float32))
    table = rows(object_table(objects, np.linspace(0, 1, len(objects)), SPACE))
    assert [row["id"] for row in table] == ["34", "50", "60", "61", "70"]
    last = table[-1]
    assert [last[axis] for axis in "zyx"] == ["2.500", "2.500", "2.500"]
    # Voxels of 2 x 1 x 0.5 from (-4, 0, 1.5) on.
    assert [float(last[f"position_{axis}"]) for axis in "zyx"] == [1, 2.5, 2.75]
    assert (last["volume_voxels"], float(last["volume"]), last["unit"]) == ("64", 64, "micrometer")
    assert [last[f"{end}_{axis}"] for end in ("first", "last") for axis in "zyx"] == ["1", "1", "1", "4", "4", "4"]
    assert (last["mean_intensity_normalized"], last["confidence"]) == ("0.25", "1.000")
    assert [row["touches"] for row in table] == ["", "", "61", "60", ""]
    assert [row["touches_border"] for row in table] == ["1", "1", "0", "0", "0"]


def test_points_have_the_columns_that_mean_something_for_them():
    points = np.zeros((4, 4, 4), np.uint32)
    points[1, 2, 3] = 5
    (row,) = rows(object_table(describe(points, np.ones((4, 4, 4))), np.array([0.75]), Space((1, 1, 1)), is_points=True))  # fmt: skip
    expected = {"id": "5", "z": "1.000", "y": "2.000", "x": "3.000", "intensity_normalized": "1", "confidence": "0.750", "unit": ""}  # fmt: skip
    assert {key: value for key, value in row.items() if not key.startswith("position")} == expected


def test_a_plane_has_no_border_above_and_below():
    labels = np.zeros((1, 5, 5), np.uint32)
    labels[0, 2, 2], labels[0, 0, 3] = 1, 2
    assert describe(labels, labels)["touches_border"].tolist() == [0, 1]


def test_of_nothing_there_is_a_header():
    objects = describe(np.zeros((3, 3, 3), np.uint32), np.zeros((3, 3, 3)))
    assert rows(object_table(objects, np.empty(0), Space((1, 1, 1)))) == []
    assert object_table(objects, np.empty(0), Space((1, 1, 1))).startswith("id,z,y,x,")
