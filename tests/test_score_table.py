import tomllib

import numpy as np
import pytest
import toml

from auxcpvloss.detection import MATCHINGS
from auxcpvloss.metrics import THRESHOLDS, Counts, score
from auxcpvloss.score_table import as_table, metric_paths, pooled, value_at

NOTHING = Counts(0, 0, 0)


def test_the_table_has_the_names_of_the_original_software():
    truth = np.array([1] * 10 + [2] * 10 + [3] * 10)
    predicted = np.array([1] * 10 + [2] * 6 + [0] * 14)
    scores = score(truth, predicted)
    table = as_table("hoefener", Counts(tp=2, fp=0, fn=1), scores.counts)
    mean = (5 * 2 / 3 + 4 * 1 / 4) / 9
    assert scores.mean_matched_iou == pytest.approx((1 + 0.6) / 2)
    assert table["general"] == {
        "num_gt": 3, "num_pred": 2, "num_points": 2, "empty_prediction": False, "avAP": pytest.approx(mean)
    }  # fmt: skip
    matrix = table["confusion_matrix"]
    assert list(matrix) == ["avAP", *(f"th_0_{i}" for i in range(1, 10)), "hoefener"]
    assert matrix["avAP"] == pytest.approx(mean)
    found = {"AP": 2 / 3, "TP": 2, "FP": 0, "FN": 1, "precision": 1.0, "recall": 2 / 3, "fscore": 0.8}
    assert matrix["th_0_5"] == matrix["hoefener"] == found
    assert matrix["th_0_6"] == {
        **{"AP": 1 / 4, "TP": 1, "FP": 1, "FN": 2},
        **{"precision": 1 / 2, "recall": 1 / 3, "fscore": 2 / 5},
    }


def test_without_masks_there_is_the_detection_alone():
    table = as_table("greedy", Counts(tp=1, fp=2, fn=3))
    assert list(table["confusion_matrix"]) == ["greedy"]
    assert table["general"] == {"num_gt": 4, "num_pred": 3, "num_points": 3, "empty_prediction": False}


@pytest.mark.parametrize(("counts", "empty", "ap"), [(NOTHING, True, 1), (Counts(0, 0, 2), True, 0), (Counts(0, 2, 0), False, 0)])  # fmt: skip
def test_an_empty_prediction_is_said_to_be_one(counts, empty, ap):
    table = as_table("linear", counts)
    assert table["general"]["empty_prediction"] is empty
    assert table["confusion_matrix"]["linear"]["AP"] == ap


def test_the_table_comes_back_from_toml_with_plain_types():
    table = as_table("linear", NOTHING, score(np.array([1, 2, 2]), np.array([5, 5, 0], np.uint64)).counts)
    assert tomllib.loads(toml.dumps(table)) == table
    values = [value_at(table, path) for path in metric_paths(["linear"])]
    assert {type(value) for value in values} == {int, float}


def test_the_paths_of_metrics_are_those_of_the_numbers_in_tables():
    paths = metric_paths()
    assert len(set(paths)) == len(paths) == 4 + 1 + 7 * (len(THRESHOLDS) + len(MATCHINGS))
    assert {"confusion_matrix.th_0_5.AP", "confusion_matrix.avAP", "general.num_points"} < set(paths)
    assert {f"confusion_matrix.{name}.AP" for name in ("hoefener", "linear", "greedy")} < set(paths)
    assert "general.empty_prediction" not in paths
    points = metric_paths(["greedy"], segmentation=False)
    assert "confusion_matrix.greedy.fscore" in points
    assert not [path for path in points if "th_" in path or "hoefener" in path or "avAP" in path]


def test_pooled_counts_of_tables():
    one = as_table("hoefener", Counts(3, 0, 1), dict.fromkeys(THRESHOLDS, Counts(1, 2, 3)))
    other = as_table("hoefener", Counts(1, 0, 5), dict.fromkeys(THRESHOLDS, Counts(9, 0, 0)))
    points = as_table("hoefener", Counts(0, 2, 0))
    together = pooled("hoefener", [one, other, points])
    assert together == as_table("hoefener", Counts(4, 2, 6), dict.fromkeys(THRESHOLDS, Counts(10, 2, 3)))
    assert pooled("hoefener", [points]) == points
