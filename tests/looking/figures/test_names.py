from __future__ import annotations

import pytest

from auxcpvloss.looking.figures.names import families, method_label, metric_label
from auxcpvloss.metrics.table import metric_paths


def test_a_method_with_vectors_is_written_as_in_the_paper() -> None:
    assert method_label("sdt") == "sdt"
    assert method_label("threeclass_cpv") == "threeclass +cpv"
    assert method_label("threeclass_cpv", "\n") == "threeclass\n+cpv"
    assert method_label("_cpv") == "_cpv"


def test_methods_stand_beside_the_same_with_vectors() -> None:
    assert families(["sdt_cpv", "gauss", "sdt", "mine"]) == [["sdt", "sdt_cpv"], ["gauss", "mine"]]
    assert families(["a", "a_cpv", "b_cpv", "b"]) == [["a", "a_cpv"], ["b", "b_cpv"]]
    assert families(["a_cpv"]) == [["a_cpv"]]
    assert families([]) == []


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("confusion_matrix.th_0_5.AP", "AP at IoU > 0.5"),
        ("confusion_matrix.th_0_1.fscore", "F1 at IoU > 0.1"),
        ("confusion_matrix.avAP", "avAP (mean over IoU > 0.1 .. 0.9)"),
        ("confusion_matrix.hoefener.AP", "detection AP (hoefener)"),
        ("quality.PQ", "PQ"),
        ("by_size.small.recall", "recall (small)"),
        ("general.num_gt", "num_gt"),
        ("score", "score"),
    ],
)
def test_metrics_are_told_to_people(path: str, label: str) -> None:
    assert metric_label(path) == label


def test_no_two_metrics_have_the_same_name() -> None:
    # avAP stands in two tables.
    paths = [path for path in metric_paths() if path != "general.avAP"]
    assert len({metric_label(path) for path in paths}) == len(paths)
