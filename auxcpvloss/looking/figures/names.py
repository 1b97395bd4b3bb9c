"""Names of metrics as figures show them."""

from __future__ import annotations

from auxcpvloss.metrics.registry import METRICS
from auxcpvloss.metrics.table import metric_of


def metric_label(path: str) -> str:
    """Say for people what the number at a dotted path is: ``confusion_matrix.th_0_5.AP`` is ``AP at IoU > 0.5``."""
    name = metric_of(path)
    return METRICS[name].numbers[path].heading if name else path
