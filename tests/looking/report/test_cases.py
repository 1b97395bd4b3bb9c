import numpy as np
import pytest

from auxcpvloss.looking.report.cases import Case, cases_of_instances, cases_of_points, locate
from auxcpvloss.metrics import Comparison
from auxcpvloss.metrics.detection import match_points
from tests.conftest import blobs


def cubes(*corners: tuple[int, int, int], side: int = 6, first: int = 1) -> np.ndarray:
    labels = np.zeros((10, 20, 60), np.uint32)
    for number, (z, y, x) in enumerate(corners, start=first):
        labels[z : z + side, y : y + side, x : x + side] = number
    return labels


TRUTH = cubes((2, 2, 2), (2, 2, 12), (2, 2, 18), (2, 2, 30), (2, 2, 40), (2, 2, 50))


def result() -> np.ndarray:
    """Found, merged, split, outlined otherwise, missed; and something where nothing is."""
    labels = np.zeros_like(TRUTH)
    labels[TRUTH == 1] = 10
    labels[np.isin(TRUTH, (2, 3))] = 20
    labels[TRUTH == 4] = 30
    labels[2:5, 2:8, 30:36] = 31
    labels[2:5, 2:8, 40:44] = 40
    labels[4:8, 13:17, 20:24] = 60
    return labels


def cases() -> list[Case]:
    return cases_of_instances(Comparison(result(), TRUTH))


def test_every_error_is_explained():
    found = {(case.kind, case.truth, case.result): case.why for case in cases()}
    words = {key: (why.cause, why.words) for key, why in found.items()}
    assert words == {
        ("false positive", (2, 3), (20,)): ("merge", "it covers several nuclei"),
        ("false positive", (4,), (30,)): ("split", "a piece of nucleus 4, which is split"),
        ("false positive", (4,), (31,)): ("split", "a piece of nucleus 4, which is split"),
        ("false positive", (5,), (40,)): ("outline", "best IoU 0.33, with nucleus 5"),
        ("false positive", (), (60,)): ("alone", "no nucleus here"),
        ("false negative", (2,), (20,)): ("merge", "lies in result 20, which covers several nuclei"),
        ("false negative", (3,), (20,)): ("merge", "lies in result 20, which covers several nuclei"),
        ("false negative", (4,), (30, 31)): ("split", "it is split into pieces"),
        ("false negative", (5,), (40,)): ("outline", "best IoU 0.33, with result 40"),
        ("false negative", (6,), ()): ("alone", "no result here"),
        ("split", (4,), (30, 31)): ("split", "split into 2 pieces: results 30, 31"),
        ("merge", (2, 3), (20,)): ("merge", "covers 2 nuclei: 2, 3"),
    }


def test_what_overlaps_with_a_nucleus_that_is_found_is_told_so():
    labels = np.zeros_like(TRUTH)
    labels[TRUTH == 1] = 10
    labels[2:4, 2:8, 2:8] = 11
    labels[0:2, 2:8, 2:8] = 11
    found = cases_of_instances(Comparison(labels, TRUTH))
    (wrong,) = [case for case in found if case.kind == "false positive"]
    assert (wrong.truth, wrong.result) == ((1,), (11,))
    assert wrong.why == ("alone", "best IoU 0.25, with nucleus 1, which is already matched")


def test_an_error_says_where_it_is_and_how_large():
    (case,) = [case for case in cases() if case.result == (60,)]
    assert (TRUTH[case.center], result()[case.center]) == (0, 60)
    assert (case.size, case.extent) == (64, (4, 4, 4))
    (missed,) = [case for case in cases() if case.truth == (6,)]
    assert (TRUTH[missed.center], missed.size) == (6, 216)


def test_errors_are_as_many_as_the_scores_count():
    counts, kinds = Comparison(result(), TRUTH).counts, [case.kind for case in cases()]
    assert (kinds.count("false positive"), kinds.count("false negative")) == (counts.fp, counts.fn)


def test_points_are_wrong_or_missed():
    centers = np.array([[5.0, 5, 5], [5, 5, 15], [5, 5, 50]])
    detections = match_points(np.array([[5.0, 5, 6], [5, 15, 40]]), centers, "hoefener", 4.0)
    found = cases_of_points(detections, np.array([7, 8, 9]), np.empty(0, int), 10.0)
    assert [(case.kind, case.center, case.truth, case.size) for case in found] == [
        ("false positive", (5, 15, 40), (), None),
        ("false negative", (5, 5, 15), (8,), None),
        ("false negative", (5, 5, 50), (9,), None),
    ]
    assert (found[1].neighbours, found[2].neighbours) == (1, 0)


def test_of_nothing_there_are_no_errors_and_everything_can_be_wrong():
    nothing = np.zeros_like(TRUTH)
    for truth, labels, number in ((nothing, nothing, 0), (nothing, result(), 6), (TRUTH, nothing, 6)):
        assert len(cases_of_instances(Comparison(labels, truth))) == number


def test_places_equal_those_found_one_by_one():
    labels = blobs((20, 24, 28), 12, seed=3).astype(np.uint64) * (2**60 + 1)
    wanted = np.unique(labels)[[3, 1, 7]]
    places = locate(labels, np.append(wanted, np.uint64(5)))
    assert list(places) == sorted(wanted.tolist())
    for one, place in places.items():
        at = np.argwhere(labels == one)
        assert (place.size, place.extent) == (len(at), tuple((at.max(axis=0) - at.min(axis=0) + 1).tolist()))
        distance = ((at - at.mean(axis=0)) ** 2).sum(axis=1)
        assert ((place.center - at.mean(axis=0)) ** 2).sum() == pytest.approx(distance.min())
        assert labels[place.center] == one


def test_the_center_of_a_hollow_instance_is_in_it():
    labels = np.zeros((1, 9, 9), np.uint8)
    labels[0, 1:8, 1:8] = 4
    labels[0, 3:6, 3:6] = 0
    assert labels[locate(labels, np.array([4]))[4].center] == 4


def test_of_nothing_there_are_no_places():
    assert locate(np.zeros((3, 3, 3), int), np.array([1])) == {}
