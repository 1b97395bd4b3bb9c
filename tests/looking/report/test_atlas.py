import base64
import json

import imagecodecs
import numpy as np
import pytest

from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.looking.report.atlas import BYTES, Atlas
from auxcpvloss.looking.report.cases import Case, Why, cases_of_instances, cases_of_points
from auxcpvloss.looking.report.page import Page, as_html
from auxcpvloss.looking.report.verdict import Verdict
from auxcpvloss.metrics import Comparison, match
from tests.conftest import blobs
from tests.looking.report.test_outlines import edges_of


def decoded(uri: str) -> np.ndarray:
    assert uri.startswith("data:image/webp;base64,")
    image: np.ndarray = imagecodecs.webp_decode(base64.b64decode(uri.partition(",")[2]))
    return image


def test_an_error_is_shown_with_its_outlines():
    truth, result = np.zeros((2, 21, 31, 41), np.uint32)
    truth[8:13, 12:18, 15:25] = 1
    truth[8:13, 20:25, 15:25] = 2
    result[8:13, 12:18, 15:25] = 5
    raw = (truth > 0).astype(np.float32)
    compared, atlas = Comparison(result, truth), Atlas()
    atlas.add(Outcome("a", raw, compared), cases_of_instances(compared), 6.0, BYTES)
    (shown,) = atlas.cases
    assert (shown["kind"], shown["truth"], shown["volume"]) == ("false negative", (2,), "a")
    n = shown["side"]
    image = decoded(shown["image"])
    assert image.shape == (2 * n, 2 * n, 3)
    assert image[n // 2, n // 2].min() > 200
    assert image[2, 2].max() < 50
    other_nuclei, this, other_results, none = shown["outlines"]
    assert none == ""
    # Of the nucleus that was missed the sides are those of a box of 5 x 5 x 10 voxels.
    assert len(edges_of(this)) == 2 * (5 + 10) + 2 * (5 + 5) + 2 * (5 + 10)
    assert other_nuclei
    assert other_results
    assert (atlas.volumes, atlas.left_out) == ({"a": (1, 1)}, 0)
    json.dumps(atlas.cases)


def test_errors_are_points_where_there_are_no_outlines():
    raw = np.random.default_rng(0).random((20, 20, 40)).astype(np.float32)
    found = np.zeros(raw.shape, int)
    found[10, 10, 10], found[10, 10, 20] = 1, 2
    compared, atlas = Comparison(found, np.array([[10.0, 11, 10], [10, 10, 35]]), distance_limit=5.0), Atlas()
    cases = cases_of_points(compared.detections, np.array([1, 2]), np.empty(0, int), 10.0)
    atlas.add(Outcome("a", raw, compared, shows_points=True), cases, 10.0, BYTES)
    wrong, missed = atlas.cases
    assert wrong["outlines"] == ["", "", "", ""]
    middle = wrong["side"] / 2
    assert ("FP", middle, middle) in wrong["points"]
    assert ("result", middle - 10, middle) in wrong["points"]
    assert ("truth", middle - 10, middle + 1) in wrong["points"]
    assert ("FN", middle, middle) in missed["points"]


def test_of_a_plane_there_is_one_view():
    labels = blobs((1, 40, 40), 4, seed=1).astype(np.uint32)
    cases = [Case("false negative", (0, 20, 20), (1, 5, 5), (1,), (), 20, 0, Why("alone", "no result here"))]
    atlas = Atlas()
    atlas.add(Outcome("a", labels.astype(float), Comparison(labels, labels)), cases, 5.0, BYTES)
    assert atlas.cases[0]["planar"]
    assert decoded(atlas.cases[0]["image"]).shape[0] == atlas.cases[0]["side"]


def test_a_file_on_a_test_set_as_large_as_that_of_l1_stays_small():
    """Seven volumes with 300 errors each, of nuclei as large and as dense, in noise, which takes the most room.

    The pictures of one volume are made, and shown for each of the seven.
    """
    truth = blobs((60, 60, 60), 60, seed=0, radius=6.0)
    result = np.roll(truth, 2, axis=2)
    raw = np.random.default_rng(0).random(truth.shape)
    compared = Comparison(result, truth)
    compared.matching = match(compared.overlaps, 0.99)
    several = cases_of_instances(compared)
    one = Atlas()
    one.add(Outcome("a", raw, compared), (several * 5)[:300], 12.0, BYTES // 7)
    names = [f"worm_{number}" for number in range(7)]
    cases = [{**case, "volume": name} for name in names for case in one.cases]
    atlas = Atlas(cases, dict.fromkeys(names, one.volumes["a"]), dict.fromkeys(names, (1.0, 1.0, 1.0)))
    size = len(as_html(Page("L1", "", Verdict("-"), atlas=atlas)).encode())
    print(f"{len(cases):,} errors, {atlas.left_out} left out: {size / 1e6:.1f} MB, {size / len(cases):,.0f} bytes each")
    # With the pictures of the volumes, of 4 MB at most, and the rest that is less than 20 MB.
    assert size < 15_000_000
    assert len(cases) > 1_000


def test_where_there_is_no_room_a_fair_sample_is_shown_and_always_the_same():
    labels = blobs((30, 30, 30), 10, seed=0)
    volume = Outcome("a", np.random.default_rng(0).random(labels.shape), Comparison(labels, labels))
    cases = [Case("split", (15, 15, number % 30), (1, 1, 1), (1,), (), number, 0, Why("alone", "")) for number in range(60)]  # fmt: skip
    shown = []
    for _ in range(2):
        atlas = Atlas()
        atlas.add(volume, cases, 3.0, 20_000)
        shown.append([case["size"] for case in atlas.cases])
        there, number = atlas.volumes["a"]
        assert (there, number) == (60, len(atlas.cases))
        assert 5 < number < 60
        assert sum(len(json.dumps(case)) for case in atlas.cases) < 20_000
    assert shown[0] == shown[1] == sorted(shown[0])
    assert max(shown[0]) > 40
    assert min(shown[0]) < 20


@pytest.mark.parametrize(
    ("unit", "size", "symbol"),
    [("", (1.0, 1.0, 1.0), "voxels"), ("", (2.0, 1.0, 1.0), "units"), ("micrometer", (1.0, 1.0, 1.0), "µm")],
)
def test_lengths_are_in_the_unit_of_the_voxel_size(unit, size, symbol):
    assert Atlas(voxels={"a": size}, unit=unit).symbols == {"a": symbol}
