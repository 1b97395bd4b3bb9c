import pytest

from auxcpvloss.looking.figures.validation import metric_label
from auxcpvloss.metrics.table import metric_paths


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
