import tomllib

import numpy as np
import pytest
import toml

from auxcpvloss.metrics import THRESHOLDS, Counts, Scores, Strata, Stratum, score
from auxcpvloss.metrics.detection import MATCHINGS
from auxcpvloss.metrics.table import as_table, metric_paths, number_paths, pooled, value_at
from tests.metrics.volumes import blobs

NOTHING = Counts(0, 0, 0)


def test_the_table_has_the_names_of_the_original_software():
    truth = np.array([1] * 10 + [2] * 10 + [3] * 10)
    predicted = np.array([1] * 10 + [2] * 6 + [0] * 14)
    scores = score(truth, predicted)
    table = as_table("hoefener", Counts(tp=2, fp=0, fn=1), scores)
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
    table = as_table("linear", NOTHING, score(np.array([1, 2, 2]), np.array([5, 5, 0], np.uint64)))
    assert tomllib.loads(toml.dumps(table)) == table
    values = [value_at(table, path) for path in number_paths(table)]
    assert {type(value) for value in values} == {int, float}


def test_the_paths_of_metrics_are_those_of_the_numbers_in_tables():
    paths = metric_paths()
    assert len(set(paths)) == len(paths) == 3 + 1 + 1 + 7 * (len(THRESHOLDS) + len(MATCHINGS)) + 6 + 7 * 6
    assert {"confusion_matrix.th_0_5.AP", "confusion_matrix.avAP", "general.num_points"} < set(paths)
    assert {f"confusion_matrix.{name}.AP" for name in ("hoefener", "linear", "greedy")} < set(paths)
    assert {
        "quality.PQ",
        "quality.SEG",
        "quality.splits",
        "by_size.small.recall",
        "by_density.crowded.precision",
    } < set(paths)
    assert "general.empty_prediction" not in paths
    truth = np.tile(np.repeat(np.arange(6), 5), (9, 9, 1)) * np.repeat([1, 0, 1], 3)[:, np.newaxis, np.newaxis]
    there = set(number_paths(as_table("hoefener", NOTHING, score(truth, truth))))
    assert there < set(metric_paths(["hoefener"]))
    points = metric_paths(["greedy"], segmentation=False)
    assert "confusion_matrix.greedy.fscore" in points
    assert not [path for path in points if "th_" in path or "hoefener" in path or "avAP" in path]


def test_pooled_is_what_all_volumes_side_by_side_give():
    rng = np.random.default_rng(0)
    pairs = [(blobs(rng), blobs(rng)) for _ in range(3)]
    # Far from each other, so that nobody gets new neighbours.
    apart = np.zeros((12, 40, 1000), int)
    together = [
        np.concatenate(
            [part for n, pair in enumerate(pairs) for part in (pair[side] + 1000 * n * (pair[side] > 0), apart)], axis=2
        )
        for side in (0, 1)
    ]
    each = [as_table("hoefener", Counts(n, 0, 1), score(*pair)) for n, pair in enumerate(pairs)]
    points = as_table("hoefener", Counts(0, 2, 0))
    found, expected = pooled("hoefener", [*each, points]), as_table("hoefener", Counts(3, 2, 3), score(*together))
    for table in (found, expected):
        # Thirds, and the mean diameter, are those of each volume.
        del table["by_size"], table["by_density"]
    assert list(number_paths(found)) == list(number_paths(expected))
    assert [value_at(found, path) for path in number_paths(found)] == [
        pytest.approx(value_at(expected, path)) for path in number_paths(found)
    ]
    assert pooled("hoefener", [points]) == points


def test_pooled_classes_are_sums_with_ratios_of_their_own():
    first = Stratum(num_truth=4, found=2, num_predicted=3, right=2, sum_iou=1.5)
    other = Stratum(num_truth=1, found=1, num_predicted=0, right=0, sum_iou=0.9)
    tables = [as_table("linear", NOTHING, scores_with(each, edge)) for each, edge in ((first, 5), (other, 7))]
    assert "precision" not in tables[1]["by_size"]["small"]
    assert pooled("linear", tables)["by_size"] == {
        "small": {
            "num_gt": 5,
            "found": 3,
            "recall": 3 / 5,
            "mean_matched_iou": pytest.approx(0.8),
            "num_pred": 3,
            "right": 2,
            "precision": 2 / 3,
        }
    }
    assert pooled("linear", tables)["by_density"]["edges"] == [2]


def scores_with(stratum, edge):
    strata = {"by_size": Strata((edge,), {"small": stratum}), "by_density": Strata((2,), {"sparse": stratum})}
    return Scores(dict.fromkeys(THRESHOLDS, NOTHING), 0.0, 0.0, 0, 0, strata)
