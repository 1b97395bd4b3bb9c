"""The metrics by name, in the order in which scores are written. A new one is a file and a line here."""

from auxcpvloss.metrics.aggregated_jaccard import AGGREGATED_JACCARD
from auxcpvloss.metrics.average_precision import AVERAGE_PRECISION
from auxcpvloss.metrics.boundary_f import BOUNDARY
from auxcpvloss.metrics.detection_scores import DETECTION, INSTANCES
from auxcpvloss.metrics.dice import DICE
from auxcpvloss.metrics.f1 import F1
from auxcpvloss.metrics.metric import Metric
from auxcpvloss.metrics.quality import QUALITY
from auxcpvloss.metrics.strata import BY_DENSITY, BY_SIZE
from auxcpvloss.metrics.surface_distances import AVERAGE_SURFACE_DISTANCE, HAUSDORFF

BY_DEFAULT: dict[str, Metric] = {
    "instances": INSTANCES,
    "average_precision": AVERAGE_PRECISION,
    "quality": QUALITY,
    "by_size": BY_SIZE,
    "by_density": BY_DENSITY,
}
ON_REQUEST: dict[str, Metric] = {
    "f1": F1,
    "dice": DICE,
    "aggregated_jaccard": AGGREGATED_JACCARD,
    "hausdorff": HAUSDORFF,
    "average_surface_distance": AVERAGE_SURFACE_DISTANCE,
    "boundary": BOUNDARY,
}
"""Computed where ``evaluation.metrics`` asks for them."""
METRICS: dict[str, Metric] = {**BY_DEFAULT, **DETECTION, **ON_REQUEST}
