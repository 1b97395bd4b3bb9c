"""How well a result agrees with the ground truth.

Pure functions of arrays. Imports numpy and scipy alone, so that other environments can run it beside
other software (scripts/baselines/stardist/metrics.py); `psnr`, of images, is imported by itself.
"""

from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.counts import THRESHOLD, THRESHOLDS, Counts, pool
from auxcpvloss.metrics.matching import Matching, Mistakes, count, find_mistakes, match
from auxcpvloss.metrics.overlap import Overlaps, overlaps
from auxcpvloss.metrics.registry import METRICS
from auxcpvloss.metrics.strata import mean_diameter, neighbours
from auxcpvloss.metrics.table import score

__all__ = [
    "METRICS", "THRESHOLD", "THRESHOLDS", "Comparison", "Counts", "Matching", "Mistakes", "Overlaps", "count",
    "find_mistakes", "match", "mean_diameter", "neighbours", "overlaps", "pool", "score",
]  # fmt: skip
