"""Tables of scores, and what holds for every metric."""

import tomllib

import numpy as np
import pytest
import toml

from auxcpvloss.metrics import METRICS, THRESHOLDS, Comparison, Counts, score
from auxcpvloss.metrics.average_precision import PATHS
from auxcpvloss.metrics.detection import MATCHINGS
from auxcpvloss.metrics.registry import BY_DEFAULT, ON_REQUEST
from auxcpvloss.metrics.table import as_table, defined_numbers, metric_paths, pooled, without_nuclei
from auxcpvloss.metrics.table import numbers_in as flat
from tests.metrics.volumes import Volume, blobs, table_with

NOTHING = Counts(0, 0, 0)
POINTS = np.zeros((0, 3))


def several(number: int) -> list[tuple[Volume, Volume]]:
    rng = np.random.default_rng(0)
    truths = [blobs(rng) for _ in range(number)]
    return [(truth, np.where(rng.random(truth.shape) < 0.95, np.roll(truth, 1, 2), blobs(rng))) for truth in truths]


def test_the_table_has_the_names_of_the_original_software():
    truth, predicted = np.zeros((2, 1, 1, 30), int)
    truth[..., :10], truth[..., 10:20], truth[..., 20:] = 1, 2, 3
    predicted[..., :10], predicted[..., 10:16] = 1, 2
    table = as_table(Comparison(predicted, truth))
    mean = (5 * 2 / 3 + 4 * 1 / 4) / 9
    assert table["general"] == {
        "num_gt": 3, "num_pred": 2, "num_points": 2, "empty_prediction": False, "avAP": pytest.approx(mean)
    }  # fmt: skip
    matrix = table["confusion_matrix"]
    assert list(matrix) == ["avAP", *(f"th_0_{i}" for i in range(1, 10)), "hoefener"]
    assert matrix["avAP"] == pytest.approx(mean)
    found = {"AP": 2 / 3, "TP": 2, "FP": 0, "FN": 1, "precision": 1.0, "recall": 2 / 3, "fscore": 0.8}
    assert matrix["th_0_5"] == matrix["hoefener"] == found
    assert matrix["th_0_6"] == {**{"AP": 1 / 4, "TP": 1, "FP": 1, "FN": 2}, **{"precision": 1 / 2, "recall": 1 / 3, "fscore": 2 / 5}}  # fmt: skip


@pytest.mark.parametrize("shape", [(0, 3), (2, 3)])
def test_without_masks_there_is_the_detection_alone(shape: tuple[int, int]):
    table = as_table(Comparison(np.zeros((2, 2, 2), int), np.zeros(shape), detection="greedy"), list(ON_REQUEST))
    assert (list(table), list(table["confusion_matrix"])) == (["general", "confusion_matrix"], ["greedy"])
    assert table["general"] == {"num_gt": shape[0], "num_pred": 0, "num_points": 0, "empty_prediction": True}
    assert table["confusion_matrix"]["greedy"]["AP"] == (shape[0] == 0)


def test_the_paths_of_metrics_are_those_of_the_numbers_in_tables():
    truth = np.tile(np.repeat(np.arange(6), 5), (9, 9, 1)) * np.repeat([1, 0, 1], 3)[:, np.newaxis, np.newaxis]
    table = as_table(Comparison(truth, truth), list(ON_REQUEST))
    assert tomllib.loads(toml.dumps(table)) == table
    assert {type(value) for value in flat(table).values()} == {int, float}
    paths = metric_paths()
    assert len(set(paths)) == len(paths)
    # Not all classes have a nucleus.
    assert not set(flat(table)) - set(metric_paths(["hoefener"]))
    assert not [path for path in set(paths) - set(flat(table)) if not path.startswith(("by_", *(f"confusion_matrix.{name}" for name in MATCHINGS)))]  # fmt: skip
    assert len(metric_paths([])) == len(paths) - 7 * len(MATCHINGS)
    assert {path.split(".")[1] for path in metric_paths(["greedy"], segmentation=False)} == {"num_gt", "num_pred", "num_points", "greedy"}  # fmt: skip


def test_pooled_is_what_all_volumes_side_by_side_give():
    pairs = several(3)
    # Far from each other, so that nobody gets new neighbours.
    apart = np.zeros((12, 40, 1000), int)
    together = [
        np.concatenate(
            [part for n, pair in enumerate(pairs) for part in (pair[side] + 1000 * n * (pair[side] > 0), apart)], axis=2
        )
        for side in (0, 1)
    ]
    more = list(ON_REQUEST)
    each = [as_table(Comparison(predicted, truth), more) for truth, predicted in pairs]
    found, expected = (flat(table) for table in (pooled(each), as_table(Comparison(*together[::-1]), more)))
    assert set(found) == set(expected)
    # Thirds, and the mean diameter, are those of each volume.
    expected = {path: value for path, value in expected.items() if not path.startswith("by_")}
    assert {path: found[path] for path in expected} == pytest.approx(expected)
    assert all(type(found[path]) is type(value) for path, value in expected.items())


def test_a_volume_counts_in_what_it_has():
    dense, sparse = table_with(Counts(2, 1, 0), outlines=dict.fromkeys(THRESHOLDS, Counts(1, 0, 3))), table_with(Counts(0, 2, 5))  # fmt: skip
    together = flat(pooled([dense, sparse]))
    assert together["confusion_matrix.hoefener.AP"] == 2 / 10
    assert together["confusion_matrix.th_0_5.AP"] == together["confusion_matrix.avAP"] == 1 / 4
    assert flat(pooled([sparse])) == flat(sparse)
    empty = as_table(Comparison(np.zeros((2, 2, 2), int), np.zeros((2, 2, 2), int)))
    # 0 / 0 is 1 only where there is nothing in any volume.
    assert flat(pooled([empty, empty]))["quality.PQ"] == 1
    assert flat(pooled([empty, as_table(Comparison(np.zeros((2, 2, 2), int), np.ones((2, 2, 2), int)))]))["quality.PQ"] == 0  # fmt: skip


@pytest.mark.parametrize("found", [0, 1])
def test_where_nothing_is_to_be_found_there_are_counts_alone(found):
    nothing, all_metrics = np.zeros((4, 5, 6), int), [*ON_REQUEST]
    table = as_table(Comparison(nothing + found, nothing), all_metrics)
    left, missed = defined_numbers(table), as_table(Comparison(nothing, nothing + 1), all_metrics)
    assert (
        left["general.num_pred"] == left["confusion_matrix.th_0_5.FP"] == left["confusion_matrix.hoefener.FP"] == found
    )
    assert not [path for path, value in left.items() if isinstance(value, float)]
    assert not set(left) & {f"{at}.{name}" for at in PATHS.values() for name in ("AP", "precision", "recall", "fscore")}
    assert not set(left) & {"quality.PQ", "quality.SEG", "boundary.fscore", "dice.foreground", "aggregated_jaccard.AJI"}
    assert defined_numbers(missed) == flat(missed)
    # Wrong results count where nuclei of other volumes are to be found.
    assert pooled([table, missed])["confusion_matrix"]["th_0_5"]["FP"] == found
    assert without_nuclei({"nothing": table, "missed": missed}) == ["nothing"]


def test_pooled_classes_are_sums_with_ratios_of_their_own():
    classes = [
        {"num_gt": 4, "found": 2, "recall": 1 / 2, "mean_matched_iou": 0.75, "num_pred": 3, "right": 2, "precision": 2 / 3},
        {"num_gt": 1, "found": 1, "recall": 1.0, "mean_matched_iou": 0.9, "num_pred": 0, "right": 0},
    ]  # fmt: skip
    assert pooled([{"by_size": {"edges": [5, 6], "small": each}} for each in classes])["by_size"] == {
        "small": {
            **{"num_gt": 5, "found": 3, "recall": 3 / 5, "mean_matched_iou": pytest.approx(0.8)},
            **{"num_pred": 3, "right": 2, "precision": 2 / 3},
        }
    }


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_needs_no_more_than_it_says(name: str) -> None:
    ((truth, predicted),) = several(1)
    comparison = Comparison(predicted, truth, detection=name if name in MATCHINGS else "hoefener")  # type: ignore[arg-type]
    assert comparison.overlaps.iou.size
    assert comparison.detections.hit.size
    if METRICS[name].needs != "voxels":
        comparison.truth = comparison.predicted = np.empty(0, int)
    if METRICS[name].needs == "points":
        comparison.overlaps = comparison.matching = None  # type: ignore[assignment]
    assert METRICS[name].compute(comparison)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.needs != "points"])
def test_the_better_a_result_the_better_are_the_numbers_that_say_so(name: str) -> None:
    ((truth, predicted),) = several(1)
    best, worse = (METRICS[name].compute(Comparison(each, truth)) for each in (truth, predicted))
    for path, number in METRICS[name].numbers.items():
        sign = {"higher": 1, "lower": -1, "neither": 0}[number.better]
        assert sign * best[path] >= sign * worse[path], path
        if number.better == "lower":
            assert best[path] == 0
        elif isinstance(best[path], float):
            assert best[path] == 1
    assert any(best[path] != worse[path] for path in METRICS[name].numbers)


@pytest.mark.parametrize("name", [name for name in METRICS if name not in MATCHINGS])
def test_what_is_always_there_is_there_in_an_empty_volume(name: str) -> None:
    nothing = np.zeros((2, 3, 4), int)
    for truth, predicted in ((nothing, nothing), (nothing, nothing + 1), (nothing + 1, nothing)):
        found = METRICS[name].compute(Comparison(predicted, truth))
        assert METRICS[name].always == (METRICS[name].numbers.keys() <= found.keys())
        if truth is predicted:
            assert all(value in (0, 1) for path, value in found.items() if path in METRICS[name].numbers)


def test_metrics_on_request_are_computed_on_request() -> None:
    ((truth, predicted),) = several(1)
    assert set(flat(as_table(Comparison(predicted, truth)))) <= {path for name in (*BY_DEFAULT, "hoefener") for path in METRICS[name].numbers}  # fmt: skip
    for name in ON_REQUEST:
        assert set(METRICS[name].numbers) <= set(score(truth, predicted, [name]))
