"""What the nodes of the pipeline cost."""

from __future__ import annotations

from collections import defaultdict

import gunpowder as gp

OTHER = "other"
"""What no node takes: gunpowder passing patches on, and putting them together."""


METHODS = (None, "prepare", "process")
"""What gunpowder itself times; all else are parts of "process"."""


def costs(patch: gp.Batch) -> dict[str, float]:
    """Give the seconds that each kind of node took for a patch, by its class, and each target: ``AddTargets.cpv``."""
    seconds: dict[str, float] = defaultdict(float)
    for (node, method), timings in patch.profiling_stats.get_timing_summaries().items():
        spent = float(sum(timings.times))
        seconds[node if method in METHODS else f"{node}.{method}"] += spent
        if method not in METHODS:
            seconds[node] -= spent
    return dict(seconds)
