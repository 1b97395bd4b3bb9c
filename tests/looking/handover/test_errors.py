import numpy as np

from auxcpvloss.looking.handover.scene import errors_of_labels, errors_of_points
from auxcpvloss.metrics import Comparison
from tests.looking.handover.scenes import found, truth


def test_each_kind_of_error_has_its_places_texts_and_labels():
    errors = {each.name: each for each in errors_of_labels(Comparison(found(), truth()))}
    assert list(errors) == ["false positives", "false negatives", "splits", "merges"]
    # Halves of the split nucleus have an IoU of exactly 0.5, which is no match.
    assert errors["false positives"].texts == ("instance 34", "instance 50", "instance 60", "instance 61")
    assert errors["false negatives"].texts == ("nucleus 3", "nucleus 4", "nucleus 8", "nucleus 9")
    assert errors["splits"].texts == ("nucleus 9: instances 60 61",)
    assert errors["merges"].texts == ("instance 34: nuclei 3 4",)
    assert errors["merges"].points.tolist() == [[2.5, 2.5, 19.5]]
    assert np.unique(errors["splits"].labels).tolist() == [0, 9]
    assert ((errors["merges"].labels == 34) == (found() == 34)).all()


def test_without_errors_there_is_nothing_to_point_at():
    for errors in errors_of_labels(Comparison(truth(), truth())):
        assert (len(errors.points), errors.texts, errors.labels.any()) == (0, (), False)


def test_points_are_wrong_or_missed():
    points = np.zeros_like(truth())
    points[3, 3, 3], points[0, 0, 0] = 1, 2
    wrong, missed = errors_of_points(Comparison(points, truth()))
    assert (wrong.points.tolist(), len(missed.points)) == ([[0, 0, 0]], 4)
