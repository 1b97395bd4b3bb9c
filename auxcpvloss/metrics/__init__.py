"""How well a segmentation agrees with the ground truth: matching of instances, and what follows from it.

Pure functions of arrays. Imports numpy and scipy alone, so that other environments can run it beside
other software (scripts/compare_with_stardist.sh).
"""

from __future__ import annotations

from auxcpvloss.metrics.counts import THRESHOLDS, Counts, mean_ap, pool
from auxcpvloss.metrics.matching import Matching, choose_greedy, choose_optimal, count, match
from auxcpvloss.metrics.mistakes import Mistakes, find_mistakes
from auxcpvloss.metrics.overlap import Overlaps, overlaps
from auxcpvloss.metrics.scores import Scores, score

__all__ = [
    "THRESHOLDS",
    "Counts",
    "Matching",
    "Mistakes",
    "Overlaps",
    "Scores",
    "choose_greedy",
    "choose_optimal",
    "count",
    "find_mistakes",
    "match",
    "mean_ap",
    "overlaps",
    "pool",
    "score",
]
