"""How well a segmentation agrees with the ground truth: matching of instances, and what follows from it.

Pure functions of arrays. Imports numpy and scipy alone, so that other environments can run it beside
other software (scripts/compare_with_stardist.sh).
"""

from __future__ import annotations

from auxcpvloss.metrics.counts import THRESHOLDS, Counts, mean_ap, pool
from auxcpvloss.metrics.matching import Matching, choose_greedy, choose_optimal, count, match
from auxcpvloss.metrics.mistakes import Mistakes, find_mistakes
from auxcpvloss.metrics.overlap import Overlaps, instance_centers, overlaps
from auxcpvloss.metrics.scores import Scores, pool_scores, score, scores_of
from auxcpvloss.metrics.strata import Strata, Stratum, by_density, by_size, mean_diameter, neighbours

__all__ = [
    "THRESHOLDS",
    "Counts",
    "Matching",
    "Mistakes",
    "Overlaps",
    "Scores",
    "Strata",
    "Stratum",
    "by_density",
    "by_size",
    "choose_greedy",
    "choose_optimal",
    "count",
    "find_mistakes",
    "instance_centers",
    "match",
    "mean_ap",
    "mean_diameter",
    "neighbours",
    "overlaps",
    "pool",
    "pool_scores",
    "score",
    "scores_of",
]
