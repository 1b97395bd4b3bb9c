"""How well a result agrees with the ground truth.

Pure functions of arrays. Imports numpy and scipy alone, so that other environments can run it beside
other software (scripts/compare_with_stardist.sh).
"""

from __future__ import annotations

from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.counts import THRESHOLD, THRESHOLDS, Counts, pool
from auxcpvloss.metrics.matching import Matching, count, match
from auxcpvloss.metrics.mistakes import Mistakes, find_mistakes
from auxcpvloss.metrics.overlap import Overlaps, instance_centers, overlaps
from auxcpvloss.metrics.registry import METRICS
from auxcpvloss.metrics.strata import mean_diameter, neighbours
from auxcpvloss.metrics.table import score

__all__ = [
    "METRICS",
    "THRESHOLD",
    "THRESHOLDS",
    "Comparison",
    "Counts",
    "Matching",
    "Mistakes",
    "Overlaps",
    "count",
    "find_mistakes",
    "instance_centers",
    "match",
    "mean_diameter",
    "neighbours",
    "overlaps",
    "pool",
    "score",
]
