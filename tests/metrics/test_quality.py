"""The scores beyond those of matching, against their definitions written out."""

import numpy as np
import pytest
from hypothesis import given

from auxcpvloss.metrics import score
from tests.metrics.volumes import LABELS, Volume, ids


def jaccard(one: Volume, other: Volume) -> float:
    return float((one & other).sum() / (one | other).sum())


def seg(truth: Volume, predicted: Volume) -> float:
    """As https://celltrackingchallenge.net describes it: R matches S where |R and S| > 0.5 |R|."""
    values = []
    for t in ids(truth):
        reference = truth == t
        covering = [predicted == p for p in ids(predicted) if ((predicted == p) & reference).sum() > 0.5 * reference.sum()]  # fmt: skip
        assert len(covering) <= 1
        values.append(jaccard(reference, covering[0]) if covering else 0.0)
    return float(np.mean(values))


def matched(truth: Volume, predicted: Volume) -> list[float]:
    every = [jaccard(truth == t, predicted == p) for t in ids(truth) for p in ids(predicted)]
    return [iou for iou in every if iou > 0.5]


@given(LABELS, LABELS)
def test_seg_pq_and_mean_iou_are_those_of_their_definitions(truth: Volume, predicted: Volume) -> None:
    scores = score(truth, predicted)
    n, m = len(ids(truth)), len(ids(predicted))
    if n == 0:
        nothing = float(m == 0)
        assert [scores[f"quality.{name}"] for name in ("SEG", "PQ", "mean_matched_iou", "mean_true_iou")] == [nothing] * 4  # fmt: skip
        return
    iou = matched(truth, predicted)
    tp = len(iou)
    assert scores["quality.SEG"] == pytest.approx(seg(truth, predicted))
    assert scores["quality.PQ"] == pytest.approx(sum(iou) / (tp + (m - tp) / 2 + (n - tp) / 2))
    assert scores["quality.mean_matched_iou"] == pytest.approx(np.mean(iou) if iou else 0)
    assert scores["quality.mean_true_iou"] == pytest.approx(sum(iou) / n)


def test_half_of_a_nucleus_does_not_count_for_seg() -> None:
    truth = np.array([1] * 4 + [2] * 4)
    assert score(truth, np.array([1] * 4 + [9] * 2 + [0] * 2))["quality.SEG"] == 0.5
    # More than half, though it holds much else: IoU 3 / 5.
    assert score(truth, np.array([0] * 3 + [9] * 4 + [0]))["quality.SEG"] == pytest.approx(0.5 * 3 / 5)
