"""Scores of volumes of which parts are not annotated."""

import numpy as np
import pytest

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.instances import compare
from auxcpvloss.metrics import Comparison
from auxcpvloss.metrics.metric_card import metric_card
from auxcpvloss.metrics.table import as_table
from tests.conftest import blobs, configure, make_sample

SHAPE = (20, 20, 40)
BEYOND = np.zeros(SHAPE, bool)
BEYOND[..., 20:] = True


def line(*spans, shape=SHAPE):
    """Labels 1, 2, ... of bars along x."""
    labels = np.zeros(shape, np.uint32)
    for label, (first, last) in enumerate(spans, start=1):
        labels[4:8, 4:8, first:last] = label
    return labels


def kept(result, *nuclei):
    """What of a result is scored beside nuclei that are annotated up to 20."""
    truth = np.where(BEYOND, np.uint32(0), line(*nuclei))
    scored = Comparison(line(*result), truth, ignored=BEYOND).predicted
    assert not scored[BEYOND].any()
    return {int(label): int((scored == label).sum()) // 16 for label in np.unique(scored) if label}


@pytest.mark.parametrize(
    ("result", "nuclei", "left"),
    [
        # Wholly there; half there; mostly there, and else in the background.
        ([(22, 30)], [], {}),
        ([(16, 24)], [], {1: 4}),
        ([(17, 24)], [], {}),
        # Mostly there, and else in a nucleus that is cut, or half in the background.
        ([(17, 24)], [(17, 24)], {1: 3}),
        ([(16, 30)], [(18, 30)], {}),
        ([(16, 30)], [(17, 30)], {1: 4}),
        ([(0, 9), (10, 18), (25, 30)], [(0, 9)], {1: 9, 2: 8}),
    ],
)
def test_what_lies_mostly_where_nobody_annotated_is_not_scored(result, nuclei, left):
    assert kept(result, *nuclei) == left


def test_a_perfect_result_is_perfect_on_what_is_annotated(tmp_path):
    """Whatever is predicted elsewhere; every score is that of the annotated part."""
    labels = blobs((30, 30, 40), 30, seed=4)
    marked = np.where(np.indices(labels.shape)[2] >= 20, IGNORED, labels)
    sample = make_sample(tmp_path, labels > 0, marked, ignore_label=int(IGNORED))
    experiment = Experiment(tmp_path / "e", configure())
    found = compare(experiment, sample, labels, sample.labels.read())
    assert found.counts.ap == 1
    assert found.detections.counts.ap == 1
    cut = Comparison(labels[..., :20], labels[..., :20])
    for more in ((), ("boundary", "dice", "aggregated_jaccard", "hausdorff", "by_size")):
        assert as_table(found, more) == as_table(cut, more)
    assert "not annotated" in metric_card(found)["ignored"]
    assert "not annotated" not in metric_card(cut)["ignored"]


def test_points_count_where_they_find_a_point_or_somebody_looked():
    """Predicted at x = 15 (wrong), 21 (near the point at 18), 25 and 35 (of which nobody knows)."""
    result = np.zeros(SHAPE, np.uint32)
    for number, x in enumerate((5, 15, 21, 25, 35), start=1):
        result[5, 5, x] = number
    truth = np.array([[5.0, 5, 5], [5, 5, 18]])
    found = Comparison(result, truth, distance_limit=4, detection="linear", ignored=BEYOND).detections
    assert found.points[:, 2].tolist() == [5, 15, 21]
    assert (found.hit.tolist(), found.found.tolist()) == ([True, False, True], [True, True])
    assert Comparison(result, truth, distance_limit=4, detection="linear").detections.counts.fp == 3


def test_a_nucleus_whose_center_may_lie_beyond_need_not_be_found_by_methods_of_points():
    truth = np.where(BEYOND, np.uint32(0), line((1, 4), (8, 12), (18, 26)))
    result = np.zeros(SHAPE, np.uint32)
    result[5, 5, 22], result[5, 5, 2] = 1, 2
    counts = Comparison(result, truth, outlines=False, ignored=BEYOND).detections.counts
    assert (counts.tp, counts.fp, counts.fn) == (1, 0, 1)
